//! A file that Falco's `file_output` writes.

use std::fs;
use std::io;
use std::path::Path;

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::settings::FalcoSettings;
use super::{Finding, Step};
#[cfg(feature = "falco-yaml")]
use crate::endpoint::Endpoint;
#[cfg(feature = "falco-yaml")]
use crate::error::Problem;

/// Whether this user can read the file. A missing one may appear later.
pub(super) fn probe(path: &Path, findings: &mut Vec<Finding>) -> Result<(), Finding> {
    let finding = match fs::File::open(path).and_then(|file| file.metadata()) {
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

/// The output that writes files.
#[cfg(feature = "falco-yaml")]
pub(super) const OUTPUT: &str = "file_output";

/// Settings that keep alerts from being written there.
#[cfg(feature = "falco-yaml")]
pub(super) fn setting_problems(
    settings: &FalcoSettings,
    endpoint: &Endpoint,
    path: &Path,
) -> Vec<Problem> {
    let leads_here = |filename: &str| Path::new(filename) == path;
    let mut problems = Vec::new();
    problems.extend(settings.json_disabled());
    problems.extend(settings.output_disabled(OUTPUT, false));
    problems.extend(settings.leads_elsewhere(OUTPUT, "filename", endpoint, leads_here));
    problems
}
