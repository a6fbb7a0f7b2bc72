//! The settings in a falco.yaml and in the files that it includes.

use std::fs;
use std::path::{Path, PathBuf};

use super::yaml::{self, Node};
use crate::check::{Finding, Step};
use crate::endpoint::Endpoint;
use crate::error::Problem;
use crate::util::url::without_secrets;

/// The most files that are read; real folders have a few.
const MOST_FILES: usize = 100;

const GRPC_KEYS: [&str; 2] = ["grpc", "grpc_output"];

/// Other keys that are read, or by which a falco.yaml of any version is recognized.
const OTHER_KEYS: [&str; 12] = [
    "rules_files",
    "rules_file",
    "engine",
    "stdout_output",
    "json_output",
    "http_output",
    "file_output",
    "program_output",
    "json_include_output_fields_property",
    "json_include_tags_property",
    "json_include_output_property",
    "outputs_queue",
];

/// The remedy for a setting that is not enabled.
pub(in crate::check) const SET_TO_TRUE: &str = "set it to true, and restart Falco";

#[derive(Clone, Debug)]
pub(in crate::check) struct FalcoSettings {
    main: PathBuf,
    /// The top level, with the file that each value comes from.
    values: Vec<(String, Node, PathBuf)>,
    /// Problems with included files.
    include_problems: Vec<Problem>,
    /// The number of included files.
    included: usize,
}

impl FalcoSettings {
    pub(super) fn read(path: &Path) -> Result<FalcoSettings, String> {
        let mut settings = FalcoSettings {
            main: path.to_owned(),
            values: Vec::new(),
            include_problems: Vec::new(),
            included: 0,
        };
        let root = embedded(yaml::read(path)?)?;
        let Node::Mapping(pairs) = &root else {
            return Err("has no settings".to_owned());
        };
        for (key, value) in pairs {
            if let Some(key) = key.text() {
                settings.set(key, value, path, false);
            }
        }
        for (included, add_only) in included(&root) {
            settings.include(&included, add_only);
        }
        Ok(settings)
    }

    /// A later file replaces a value of the top level as a whole; Falco merges lists, which are not used
    /// here.
    fn set(&mut self, key: &str, value: &Node, file: &Path, add_only: bool) {
        if !GRPC_KEYS
            .iter()
            .chain(&OTHER_KEYS)
            .any(|known| *known == key)
        {
            return;
        }
        match self.values.iter_mut().find(|(known, ..)| known == key) {
            Some(_) if add_only => {}
            Some((_, known, from)) => (*known, *from) = (value.clone(), file.to_owned()),
            None => self
                .values
                .push((key.to_owned(), value.clone(), file.to_owned())),
        }
    }

    fn include(&mut self, path: &Path, add_only: bool) {
        let files = match path.is_dir() {
            true => files_in(path),
            // Falco skips a missing file.
            false if path.is_file() => vec![path.to_owned()],
            false => Vec::new(),
        };
        for file in files {
            if self.included == MOST_FILES {
                let text = "config_files names more than 100 files, and the others are not read";
                self.include_problems.push(Problem::without_remedy(text));
            }
            self.included += 1;
            if self.included > MOST_FILES {
                return;
            }
            match yaml::read(&file) {
                Ok(Node::Mapping(pairs)) => {
                    for (key, value) in &pairs {
                        if let Some(key) = key.text() {
                            self.set(key, value, &file, add_only);
                        }
                    }
                }
                Ok(_) => {}
                Err(problem) => {
                    let problem = format!("{} {problem}", file.display());
                    let remedy = "repair it, Falco does not start with it";
                    self.include_problems.push((problem, remedy).into());
                }
            }
        }
    }

    fn value(&self, key: &str) -> Option<(&Node, &Path)> {
        let mut values = self.values.iter();
        let found = values.find(|(known, ..)| known == key);
        found.map(|(_, value, file)| (value, file.as_path()))
    }

    /// The file that sets a key, or the main file.
    pub(in crate::check) fn file(&self, key: &str) -> &Path {
        self.value(key).map_or(&self.main, |(_, file)| file)
    }

    pub(in crate::check) fn main(&self) -> &Path {
        &self.main
    }

    pub(in crate::check) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    pub(in crate::check) fn has_grpc(&self) -> bool {
        GRPC_KEYS.iter().any(|key| self.has(key))
    }

    /// Whether it looks like the settings of a Falco.
    pub(in crate::check) fn is_falco(&self) -> bool {
        OTHER_KEYS.iter().any(|key| self.has(key))
    }

    pub(in crate::check) fn text(&self, key: &str, name: &str) -> Option<&str> {
        self.value(key)?.0.get(name)?.text()
    }

    /// The file that disables a section, and how: by the value of its `enabled`, or without one, where
    /// Falco's default is `default`.
    pub(in crate::check) fn disabled(&self, key: &str, default: bool) -> Option<(&Path, String)> {
        let file = self.file(key);
        let section = self.value(key).map(|(section, _)| section);
        match section.and_then(|section| section.get("enabled")) {
            // Falco uses its default also for a value that is not a boolean.
            Some(Node::Scalar(text)) => match boolean(text) {
                Some(true) => None,
                Some(false) => Some((file, format!("is {text}"))),
                // Taken from Falco's environment.
                None if text.contains("${") => None,
                None => (!default).then(|| (file, format!("is {text:?}, which is not true"))),
            },
            Some(_) => None,
            None => (!default).then(|| (file, "is not set".to_owned())),
        }
    }

    /// Warnings about included files.
    pub(in crate::check) fn include_findings(&self) -> Vec<Finding> {
        let problems = self.include_problems.iter().cloned();
        problems
            .map(|problem| Finding::warning(Step::FalcoYaml, problem))
            .collect()
    }

    /// The problem that Falco writes text instead of JSON.
    pub(in crate::check) fn json_disabled(&self) -> Option<Problem> {
        if self.is_on("json_output", false) != Some(false) {
            return None;
        }
        let file = self.file("json_output").display();
        let problem = format!("{file}: json_output is not true, so that Falco writes text");
        Some((problem, SET_TO_TRUE).into())
    }

    /// Whether a boolean of the top level is on. None where Falco's environment decides.
    fn is_on(&self, key: &str, default: bool) -> Option<bool> {
        match self.value(key) {
            None => Some(default),
            Some((Node::Scalar(text), _)) if text.contains("${") => None,
            // Falco uses its default also for a value that is not a boolean.
            Some((Node::Scalar(text), _)) => Some(boolean(text).unwrap_or(default)),
            Some(_) => Some(default),
        }
    }

    /// Settings by which alerts arrive with less than they could have.
    pub(in crate::check) fn losses(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (key, what) in [
            ("json_include_output_fields_property", "output fields"),
            ("json_include_tags_property", "tags"),
            ("json_include_output_property", "output"),
        ] {
            if self.is_on(key, true) == Some(false) {
                let file = self.file(key).display();
                let problem = format!("{file}: {key} is false, so that alerts have no {what}");
                problems.push((problem, SET_TO_TRUE).into());
            }
        }
        let capacity = self.text("outputs_queue", "capacity");
        if let Some(capacity) = capacity.filter(|text| !matches!(*text, "" | "0")) {
            let file = self.file("outputs_queue").display();
            let problem = format!(
                "{file}: outputs_queue.capacity is {capacity}, beyond which Falco drops alerts while \
                 an output is slow"
            );
            let remedy = "set it to 0, which has no limit, where memory allows it";
            problems.push((problem, remedy).into());
        }
        problems
    }

    /// The problem that an output is disabled.
    pub(in crate::check) fn output_disabled(&self, output: &str, default: bool) -> Option<Problem> {
        let (file, how) = self.disabled(output, default)?;
        let file = file.display();
        let problem = format!("{file}: {output}.enabled {how}, so that no alert arrives");
        Some((problem, SET_TO_TRUE).into())
    }

    /// The problem that the target of an output, in its setting `name`, is not the endpoint.
    pub(in crate::check) fn leads_elsewhere(
        &self,
        output: &str,
        name: &str,
        endpoint: &Endpoint,
        leads_here: impl Fn(&str) -> bool,
    ) -> Option<Problem> {
        let (section, file) = self.value(output)?;
        let target = section.get(name).and_then(Node::text).unwrap_or_default();
        // As Falco does.
        let target = unquoted(target);
        // `${…}` is taken from Falco's environment.
        if target.contains("${") || leads_here(target) {
            return None;
        }
        let problem = format!(
            "{}: {output}.{name} is {:?}, and alerts are expected at {endpoint}",
            file.display(),
            without_secrets(target)
        );
        Some((problem, "make them lead to the same").into())
    }
}

/// The text without quotes that stand around it.
fn unquoted(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// The settings inside the values of Falco's Helm chart, or inside a ConfigMap; else the text itself.
fn embedded(root: Node) -> Result<Node, String> {
    let is_settings = |node: &Node| OTHER_KEYS.iter().any(|key| node.get(key).is_some());
    if is_settings(&root) {
        return Ok(root);
    }
    if let Some(values) = root.get("falco").filter(|node| is_settings(node)) {
        return Ok(values.clone());
    }
    let text = root.get("data").and_then(|data| data.get("falco.yaml"));
    match text.and_then(Node::text) {
        Some(text) => yaml::parse(text),
        None => Ok(root),
    }
}

/// The paths in `config_files`, and whether each may only add keys.
fn included(root: &Node) -> Vec<(PathBuf, bool)> {
    let entries = match root.get("config_files") {
        Some(Node::Sequence(entries)) => entries.as_slice(),
        Some(entry @ Node::Scalar(_)) => std::slice::from_ref(entry),
        _ => return Vec::new(),
    };
    let entry = |entry: &Node| match entry {
        Node::Scalar(path) => Some((path.into(), false)),
        entry => {
            let strategy = entry.get("strategy").and_then(Node::text);
            let path = entry.get("path")?.text()?;
            Some((path.into(), strategy == Some("add-only")))
        }
    };
    entries.iter().take(MOST_FILES).filter_map(entry).collect()
}

/// The files of a folder, in the order in which Falco reads them.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// As yaml-cpp reads a boolean: in lower case, in upper case or capitalised.
fn boolean(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let capitalised = text.get(1..).is_some_and(|rest| {
        text.starts_with(|first: char| first.is_ascii_uppercase()) && rest == &lower[1..]
    });
    if text != lower && text != text.to_ascii_uppercase() && !capitalised {
        return None;
    }
    match lower.as_str() {
        "y" | "yes" | "true" | "on" => Some(true),
        "n" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}
