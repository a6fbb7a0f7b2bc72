//! Reads falco.yaml and the files that its `config_files` names (Falco 0.38 and later), merged as Falco
//! merges them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::settings::FalcoSettings;
use super::yaml::{self, Node};
use crate::error::Problem;

/// The most files that are read; real folders have a few.
const MOST_FILES: usize = 100;

/// Falco's default, which its packages make. Without it, nothing is missing.
const DEFAULT_FOLDER: &str = "/etc/falco/config.d";

/// An entry of `config_files`. Its strategy is `append`, `override` or `add-only` (Falco 0.41 and
/// later); the first two differ in lists only, which are not used here.
struct Inclusion {
    path: String,
    add_only: bool,
}

/// Reads the settings in a falco.yaml, and in the files that it includes.
pub(super) fn read(path: &Path) -> Result<FalcoSettings, String> {
    let (root, is_embedded) = embedded(yaml::read(path)?)?;
    let mut settings = FalcoSettings::new(path, is_embedded);
    let Node::Mapping(pairs) = &root else {
        return Err("has no settings".to_owned());
    };
    for (key, value) in pairs {
        if let Some(key) = key.text() {
            settings.set(key, value, path, false);
        }
    }
    // Those of a container are not on this machine.
    if !is_embedded {
        include_all(&mut settings, &root);
    }
    Ok(settings)
}

/// The settings inside the values of Falco's Helm chart, or inside a ConfigMap; else the text itself.
/// And whether they were inside.
fn embedded(root: Node) -> Result<(Node, bool), String> {
    if FalcoSettings::are_in(&root) {
        return Ok((root, false));
    }
    if let Some(values) = root.get("falco").filter(|node| FalcoSettings::are_in(node)) {
        return Ok((values.clone(), true));
    }
    let text = root.get("data").and_then(|data| data.get("falco.yaml"));
    match text.and_then(Node::text) {
        Some(text) => Ok((yaml::parse(text)?, true)),
        None => Ok((root, false)),
    }
}

/// Reads what the main file names, into `settings`.
fn include_all(settings: &mut FalcoSettings, root: &Node) {
    let mut files = Vec::new();
    for entry in entries(root) {
        let add_only = entry.add_only;
        let found = files_of(&entry.path, settings);
        files.extend(found.into_iter().map(|file| (file, add_only)));
    }
    if files.len() > MOST_FILES {
        files.truncate(MOST_FILES);
        settings.include_problem(Problem::without_remedy(
            "config_files names more than 100 files, and the others are not read",
        ));
    }
    for (file, add_only) in files {
        include(settings, &file, add_only);
    }
}

fn entries(root: &Node) -> Vec<Inclusion> {
    let entries = match root.get("config_files") {
        Some(Node::Sequence(entries)) => entries.as_slice(),
        Some(entry @ Node::Scalar(_)) => std::slice::from_ref(entry),
        _ => return Vec::new(),
    };
    let entry = |entry: &Node| {
        let (path, strategy) = match entry {
            Node::Scalar(path) => (path.as_str(), None),
            entry => (
                entry.get("path")?.text()?,
                entry.get("strategy").and_then(Node::text),
            ),
        };
        Some(Inclusion {
            path: path.to_owned(),
            add_only: strategy == Some("add-only"),
        })
    };
    entries.iter().take(MOST_FILES).filter_map(entry).collect()
}

/// The files that an entry stands for, in the order in which Falco reads them.
fn files_of(path: &str, settings: &mut FalcoSettings) -> Vec<PathBuf> {
    if path.contains("${") {
        let problem = format!("config_files names {path}, which Falco's environment decides");
        let remedy = "give the file that it stands for with --falco-yaml as well";
        settings.include_problem((problem, remedy).into());
        return Vec::new();
    }
    let named = Path::new(path);
    if named.is_relative() {
        let problem = format!(
            "config_files names {path}, which Falco looks for in the folder that it is started in"
        );
        settings.include_problem((problem, "write its absolute path").into());
    }
    if named == settings.main() {
        let problem = "config_files names the main file itself, with which Falco does not start";
        settings.include_problem((problem, "remove it from config_files").into());
        return Vec::new();
    }
    match fs::metadata(named) {
        Ok(metadata) if metadata.is_dir() => match files_in(named) {
            Ok(files) => files,
            Err(error) => unreadable(settings, path, &error),
        },
        Ok(_) => vec![named.to_owned()],
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if named != Path::new(DEFAULT_FOLDER) {
                let problem =
                    format!("config_files names {path}, which does not exist, and Falco skips it");
                settings.include_problem((problem, "make it, or remove it there").into());
            }
            Vec::new()
        }
        Err(error) => unreadable(settings, path, &error),
    }
}

fn unreadable(settings: &mut FalcoSettings, path: &str, error: &io::Error) -> Vec<PathBuf> {
    let problem = format!("config_files names {path}, which cannot be read: {error}");
    settings.include_problem((problem, "run as a user who may read it").into());
    Vec::new()
}

/// Falco takes all files of a folder, whatever their names end with.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .take(MOST_FILES * 100)
        .collect();
    files.sort();
    Ok(files)
}

fn include(settings: &mut FalcoSettings, file: &Path, add_only: bool) {
    let shown = file.display();
    match yaml::read(file) {
        Ok(Node::Mapping(pairs)) => {
            for (key, value) in &pairs {
                match key.text() {
                    Some("config_files") => {
                        let problem = format!(
                            "{shown} has config_files, with which Falco does not start: only the \
                             main file may have it"
                        );
                        settings.include_problem((problem, "remove it there").into());
                    }
                    Some(key) => settings.set(key, value, file, add_only),
                    None => {}
                }
            }
        }
        Ok(_) => {}
        Err(problem) => {
            let remedy = match problem.contains("cannot be read") {
                true => "run as a user who may read it",
                false => "repair it, Falco does not start with it",
            };
            settings.include_problem((format!("{shown} {problem}"), remedy).into());
        }
    }
}
