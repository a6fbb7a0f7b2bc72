//! The settings in a falco.yaml and in the files that it includes.

use std::path::{Path, PathBuf};

use super::environment::{expand, UNKNOWN};
use super::yaml::Node;
use crate::check::{Finding, Step};
use crate::error::Problem;

const GRPC_KEYS: [&str; 2] = ["grpc", "grpc_output"];

/// Other keys that are read, or by which a falco.yaml of any version is recognized.
const OTHER_KEYS: [&str; 15] = [
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
    "outputs",
    "buffered_outputs",
    "priority",
];

/// The remedy for a setting that is not enabled.
pub(in crate::check) const SET_TO_TRUE: &str = "set it to true, and restart Falco";

#[derive(Clone, Debug)]
pub(in crate::check) struct FalcoSettings {
    main: PathBuf,
    /// They stand inside a chart's values or a ConfigMap, for a Falco in a container.
    is_embedded: bool,
    /// The top level, with the file that each value comes from.
    values: Vec<(String, Node, PathBuf)>,
    /// Problems with included files.
    include_problems: Vec<Problem>,
}

/// A scalar value.
#[derive(Clone, Debug)]
pub(in crate::check) struct FalcoSetting<'a> {
    /// As it is written.
    pub written: &'a str,
    /// As Falco takes it, where [`UNKNOWN`] stands for a variable of its environment.
    pub expanded: String,
}

impl FalcoSetting<'_> {
    pub fn is_unknown(&self) -> bool {
        self.expanded.contains(UNKNOWN)
    }

    /// Its value, unless Falco's environment decides it.
    pub fn known(&self) -> Option<&str> {
        (!self.is_unknown()).then_some(&*self.expanded)
    }
}

impl FalcoSettings {
    /// None yet, of this main file.
    pub(super) fn new(main: &Path, is_embedded: bool) -> FalcoSettings {
        FalcoSettings {
            main: main.to_owned(),
            is_embedded,
            values: Vec::new(),
            include_problems: Vec::new(),
        }
    }

    /// A later file replaces a value of the top level as a whole; Falco merges lists, which are not used
    /// here.
    pub(super) fn set(&mut self, key: &str, value: &Node, file: &Path, add_only: bool) {
        if !GRPC_KEYS.contains(&key) && !OTHER_KEYS.contains(&key) {
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

    pub(super) fn include_problem(&mut self, problem: Problem) {
        self.include_problems.push(problem);
    }

    /// Warnings about included files.
    pub(in crate::check) fn include_findings(&self) -> Vec<Finding> {
        let problems = self.include_problems.iter().cloned();
        problems
            .map(|problem| Finding::warning(Step::FalcoYaml, problem))
            .collect()
    }

    fn value(&self, key: &str) -> Option<(&Node, &Path)> {
        let mut values = self.values.iter();
        let found = values.find(|(known, ..)| known == key);
        found.map(|(_, value, file)| (value, file.as_path()))
    }

    /// The file that sets a key of the top level, or the main file.
    pub(in crate::check) fn file(&self, key: &str) -> &Path {
        self.value(key).map_or(&self.main, |(_, file)| file)
    }

    pub(in crate::check) fn main(&self) -> &Path {
        &self.main
    }

    pub(in crate::check) fn is_embedded(&self) -> bool {
        self.is_embedded
    }

    pub(in crate::check) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Whether Falco keeps the file or program of an output open. It compares this setting with the text.
    pub(in crate::check) fn is_kept_open(&self, output: &str) -> bool {
        let setting = self.setting(&format!("{output}.keep_alive"));
        setting.is_some_and(|setting| setting.known() == Some("true"))
    }

    /// Alerts wait in a buffer, where an output has one.
    pub(in crate::check) fn buffered(&self) -> Option<Problem> {
        if self.is_on("buffered_outputs", false) != Some(true) {
            return None;
        }
        let file = self.file("buffered_outputs").display();
        let problem = format!(
            "{file}: buffered_outputs is true, so that alerts arrive late, several at a time"
        );
        Some((problem, "set it to false, and restart Falco").into())
    }

    pub(in crate::check) fn has_grpc(&self) -> bool {
        GRPC_KEYS.iter().any(|key| self.has(key))
    }

    /// Whether it looks like the settings of a Falco.
    pub(in crate::check) fn is_falco(&self) -> bool {
        OTHER_KEYS.iter().any(|key| self.has(key))
    }

    /// Whether a part of a file looks like them.
    pub(super) fn are_in(node: &Node) -> bool {
        OTHER_KEYS.iter().any(|key| node.get(key).is_some())
    }

    /// The node at `json_output` or `http_output.url`.
    fn node(&self, path: &str) -> Option<&Node> {
        match path.split_once('.') {
            Some((key, name)) => self.value(key)?.0.get(name),
            None => Some(self.value(path)?.0),
        }
    }

    /// The scalar at `json_output` or `http_output.url`, if there is one.
    pub(in crate::check) fn setting(&self, path: &str) -> Option<FalcoSetting<'_>> {
        let written = self.node(path)?.text()?;
        Some(FalcoSetting {
            written,
            expanded: expand(written),
        })
    }

    /// Whether a boolean is on. None where Falco's environment decides.
    pub(in crate::check) fn is_on(&self, path: &str, default: bool) -> Option<bool> {
        match self.setting(path) {
            // Falco uses its default also for a value that is not a boolean.
            Some(setting) => setting.known().map(|text| boolean(text).unwrap_or(default)),
            None => Some(default),
        }
    }

    /// The file that disables a section, and how: by the value of its `enabled`, or without one, where
    /// Falco's default is `default`.
    pub(in crate::check) fn disabled(&self, key: &str, default: bool) -> Option<(&Path, String)> {
        let enabled = format!("{key}.enabled");
        if self.is_on(&enabled, default) != Some(false) {
            return None;
        }
        let how = match self.setting(&enabled) {
            Some(setting) if boolean(&setting.expanded).is_some() => {
                format!("is {}", setting.written)
            }
            Some(setting) => format!("is {:?}, which is not true", setting.written),
            None => "is not set".to_owned(),
        };
        Some((self.file(key), how))
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

    /// The problem that an output is disabled.
    pub(in crate::check) fn output_disabled(&self, output: &str) -> Option<Problem> {
        let (file, how) = self.disabled(output, false)?;
        let file = file.display();
        let problem = format!("{file}: {output}.enabled {how}, so that no alert arrives");
        Some((problem, SET_TO_TRUE).into())
    }

    /// Warnings about those of these settings that Falco's environment decides.
    pub(in crate::check) fn unknown(&self, paths: &[&str]) -> Vec<Problem> {
        let unknown = paths.iter().filter_map(|path| {
            let setting = self.setting(path).filter(FalcoSetting::is_unknown)?;
            let key = path.split('.').next().unwrap_or(path);
            let problem = format!(
                "{}: {path} is {}, which Falco's environment decides, unknown here",
                self.file(key).display(),
                crate::util::url::without_secrets(setting.written)
            );
            let remedy = "see what the variable is where Falco runs";
            Some((problem, remedy).into())
        });
        unknown.collect()
    }
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
