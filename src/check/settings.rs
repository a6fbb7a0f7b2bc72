//! The settings in a falco.yaml and in the files that it includes.

use std::fs;
use std::path::{Path, PathBuf};

use super::yaml::{self, Node};
use crate::error::Problem;

/// More than anyone has in `config.d`.
const MOST_FILES: usize = 100;

/// The settings that matter here.
pub(super) const CONCERNED: [&str; 2] = ["grpc", "grpc_output"];

/// Others that tell a falco.yaml, of any version, and of other outputs.
pub(super) const OTHERS: [&str; 8] = [
    "rules_files",
    "rules_file",
    "engine",
    "stdout_output",
    "json_output",
    "http_output",
    "file_output",
    "program_output",
];

/// The remedy for a switch that is off.
pub(super) const SET_TO_TRUE: &str = "set it to true, and restart Falco";

/// What Falco takes where the key is missing.
pub(super) const UNSET_ADDRESS: &str = "0.0.0.0:5060";

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// The top level, with the file that each value comes from.
    values: Vec<(String, Node, PathBuf)>,
    /// What is wrong with files that are included.
    pub faults: Vec<Problem>,
    /// How many of these there are.
    included: usize,
}

impl Settings {
    pub(super) fn read(path: &Path) -> Result<Settings, String> {
        let mut settings = Settings::default();
        let root = yaml::read(path)?;
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

    /// Falco replaces a whole value of the top level by a later file's, other than lists.
    fn set(&mut self, key: &str, value: &Node, file: &Path, add_only: bool) {
        if !CONCERNED.iter().chain(&OTHERS).any(|known| *known == key) {
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
            // A missing one is skipped by Falco.
            false if path.is_file() => vec![path.to_owned()],
            false => Vec::new(),
        };
        for file in files {
            if self.included == MOST_FILES {
                let text = "config_files names more than 100 files, and the others are not read";
                self.faults.push(Problem::without_remedy(text));
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
                    self.faults.push((problem, remedy).into());
                }
            }
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<(&Node, &Path)> {
        let mut values = self.values.iter();
        let found = values.find(|(known, ..)| known == key);
        found.map(|(_, value, file)| (value, file.as_path()))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    pub(super) fn text(&self, key: &str, name: &str) -> Option<&str> {
        self.value(key)?.0.get(name)?.text()
    }

    /// The file that turns a switch off: by its value, or as Falco takes a missing one.
    pub(super) fn off<'a>(
        &'a self,
        main: &'a Path,
        key: &str,
        unset: bool,
    ) -> Option<(&'a Path, String)> {
        let (section, file) = match self.value(key) {
            Some((section, file)) => (Some(section), file),
            None => (None, main),
        };
        match section.and_then(|section| section.get("enabled")) {
            // Falco takes its default as well for what is no truth value.
            Some(Node::Scalar(text)) => match truth(text) {
                Some(true) => None,
                Some(false) => Some((file, format!("is {text}"))),
                // Of Falco's environment.
                None if text.contains("${") => None,
                None => (!unset).then(|| (file, format!("is {text:?}, which is not true"))),
            },
            Some(_) => None,
            None => (!unset).then(|| (file, "is not set".to_owned())),
        }
    }
}

/// The paths in `config_files`, and whether each may only add.
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

/// In the order in which Falco reads them.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// As yaml-cpp reads a truth value: in lower case, in upper case or capitalised.
fn truth(text: &str) -> Option<bool> {
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
