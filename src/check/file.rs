//! A file that Falco's `file_output` writes.

use std::fs;
use std::io;
use std::path::Path;

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::{
    found::{FoundSettings, OutputFindings},
    settings::FalcoSettings,
};
use super::{EndpointCheck, Finding, Step};
use crate::config::Config;
use crate::endpoint::Endpoint;
#[cfg(feature = "falco-yaml")]
use crate::error::Problem;

/// The output that writes files.
#[cfg(feature = "falco-yaml")]
const OUTPUT: &str = "file_output";

/// Where Falco writes on this machine. It looks for a relative path in the folder it was started in.
#[cfg(feature = "falco-yaml")]
pub(super) fn endpoint(settings: &FalcoSettings) -> Option<Endpoint> {
    let filename = settings.setting("file_output.filename")?;
    let path = Path::new(filename.known()?);
    path.is_absolute().then(|| Endpoint::File(path.to_owned()))
}

pub(super) struct FileCheck<'a> {
    pub endpoint: &'a Endpoint,
}

impl FileCheck<'_> {
    fn path(&self) -> &Path {
        let Endpoint::File(path) = self.endpoint else {
            return Path::new("");
        };
        path
    }
}

impl EndpointCheck for FileCheck<'_> {
    /// Whether this user can read the file. A missing one may appear later.
    fn probe(&self, _: &Config, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        let finding = match fs::File::open(self.path()).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => {
                let text = format!("the file has {} bytes", metadata.len());
                Finding::ok(Step::Outputs, text)
            }
            Ok(_) => {
                let remedy = "give the file of file_output.filename, or - for a pipe";
                return Err(Finding::failed(Step::Outputs, ("not a file", remedy)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Finding::warning(
                Step::Outputs,
                (
                    "the file does not exist yet",
                    "Falco makes it with its first alert, where file_output.enabled is true",
                ),
            ),
            Err(error) => {
                let problem = format!("the file cannot be read: {error}");
                let remedy = "let this user read it";
                return Err(Finding::failed(Step::Outputs, (problem, remedy)));
            }
        };
        findings.push(finding);
        Ok(())
    }

    fn condition(&self) -> String {
        format!(
            "json_output and file_output.enabled are true and file_output.filename is {}",
            self.path().display()
        )
    }

    #[cfg(feature = "falco-yaml")]
    fn falco_findings(&self, found: &FoundSettings<'_>, _: &Config, _: &[Finding]) -> Vec<Finding> {
        let settings = found.settings;
        let late = match settings.is_kept_open(OUTPUT) {
            true => settings.buffered(),
            false => None,
        };
        let output = OutputFindings {
            name: OUTPUT,
            findings: setting_findings(settings, self.endpoint, self.path()),
            late: late.into_iter().collect(),
        };
        found.of_output(self.endpoint, output)
    }
}

/// What keeps alerts from being written there.
#[cfg(feature = "falco-yaml")]
fn setting_findings(settings: &FalcoSettings, endpoint: &Endpoint, path: &Path) -> Vec<Finding> {
    let failed = |problem: Problem| Finding::failed(Step::FalcoYaml, problem);
    let mut findings: Vec<Finding> = settings.json_disabled().map(failed).into_iter().collect();
    findings.extend(settings.output_disabled(OUTPUT).map(failed));
    let unknown = settings.unknown(&["json_output", "file_output.enabled", "file_output.filename"]);
    let unknown = unknown.into_iter();
    findings.extend(unknown.map(|problem| Finding::warning(Step::FalcoYaml, problem)));
    findings.extend(elsewhere(settings, endpoint, path));
    findings
}

#[cfg(feature = "falco-yaml")]
fn elsewhere(settings: &FalcoSettings, endpoint: &Endpoint, path: &Path) -> Option<Finding> {
    if !settings.has(OUTPUT) {
        return None;
    }
    let file = settings.file(OUTPUT).display();
    let expected = format!("alerts are expected at {endpoint}");
    let set = format!(
        "make them the same: set file_output.filename to {}",
        path.display()
    );
    let Some(filename) = settings.setting("file_output.filename") else {
        let problem = format!("{file}: file_output.filename is not set, and {expected}");
        return Some(Finding::failed(Step::FalcoYaml, (problem, set)));
    };
    let written = Path::new(filename.known()?);
    if is_same(written, path) {
        return None;
    }
    let problem = format!("{file}: file_output.filename is {written:?}, and {expected}");
    Some(
        match written.is_relative() && !written.as_os_str().is_empty() {
            // It may be the same, only Falco knows.
            true if path.ends_with(written.strip_prefix(".").unwrap_or(written)) => {
                Finding::warning(
                    Step::FalcoYaml,
                    (
                        format!("{problem}: Falco writes it in the folder it was started in"),
                        set,
                    ),
                )
            }
            _ => Finding::failed(Step::FalcoYaml, (problem, set)),
        },
    )
}

/// A file may be reached by another path.
#[cfg(feature = "falco-yaml")]
fn is_same(written: &Path, path: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    written == path
        || written.is_absolute() && real(written).is_some_and(|it| Some(it) == real(path))
}
