//! Standard input, into which Falco's `stdout_output` or `program_output` is piped.

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::settings::FalcoSettings;
use super::{Finding, Step};
#[cfg(feature = "falco-yaml")]
use crate::error::Problem;

/// Nothing is read: what a check read would be lost.
pub(super) fn probe(findings: &mut Vec<Finding>) {
    let text = "standard input is read as it arrives";
    findings.push(Finding::ok(Step::Outputs, text));
}

/// The output that Falco enables by default.
#[cfg(feature = "falco-yaml")]
pub(super) const OUTPUT: &str = "stdout_output";

/// Settings that keep alerts from being written to a pipe.
#[cfg(feature = "falco-yaml")]
pub(super) fn setting_problems(settings: &FalcoSettings) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(settings.json_disabled());
    let stdout_disabled = settings.output_disabled(OUTPUT, true);
    if settings.output_disabled("program_output", false).is_some() {
        problems.extend(stdout_disabled);
    }
    problems
}
