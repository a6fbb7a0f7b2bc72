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

/// The output that is piped, and what keeps alerts from being written to it.
#[cfg(feature = "falco-yaml")]
pub(super) fn setting_findings(settings: &FalcoSettings) -> (&'static str, Vec<Finding>) {
    let failed = |problem: Problem| Finding::failed(Step::FalcoYaml, problem);
    let mut findings: Vec<Finding> = settings.json_disabled().map(failed).into_iter().collect();
    let by_stdout = settings.is_on("stdout_output.enabled", false);
    let by_program = settings.is_on("program_output.enabled", false);
    let output = match (by_stdout, by_program) {
        (Some(true), _) | (_, Some(false)) => "stdout_output",
        (_, Some(true) | None) => "program_output",
    };
    if (by_stdout, by_program) == (Some(false), Some(false)) {
        findings.extend(settings.output_disabled(output).map(failed));
    }
    let enabled = format!("{output}.enabled");
    let unknown = settings.unknown(&["json_output", &enabled]).into_iter();
    findings.extend(unknown.map(|problem| Finding::warning(Step::FalcoYaml, problem)));
    (output, findings)
}
