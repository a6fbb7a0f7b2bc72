//! Standard input, into which Falco's `stdout_output` or `program_output` is piped.

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::{
    found::{FoundSettings, OutputFindings},
    settings::{FalcoSettings, SET_TO_TRUE},
};
use super::{EndpointCheck, Finding, Step};
use crate::config::Config;
#[cfg(feature = "falco-yaml")]
use crate::endpoint::Endpoint;
#[cfg(feature = "falco-yaml")]
use crate::error::Problem;

pub(super) struct StdinCheck;

impl EndpointCheck for StdinCheck {
    /// Nothing is read: what a check read would be lost.
    fn probe(&self, _: &Config, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        let text = "standard input is read as it arrives";
        findings.push(Finding::ok(Step::Outputs, text));
        Ok(())
    }

    fn condition(&self) -> String {
        "json_output and stdout_output.enabled are true and Falco's standard output is piped into \
         this command"
            .to_owned()
    }

    #[cfg(feature = "falco-yaml")]
    fn falco_findings(&self, found: &FoundSettings<'_>, _: &Config, _: &[Finding]) -> Vec<Finding> {
        found.of_output(&Endpoint::Stdin, piped(found.settings))
    }
}

/// The output that is piped, and what keeps alerts from being written to it.
#[cfg(feature = "falco-yaml")]
fn piped(settings: &FalcoSettings) -> OutputFindings {
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
    OutputFindings {
        name: output,
        findings,
        late: late(settings, by_stdout == Some(true), by_program == Some(true)),
    }
}

/// Alerts that wait in a buffer, or for a program to start.
#[cfg(feature = "falco-yaml")]
fn late(settings: &FalcoSettings, by_stdout: bool, by_program: bool) -> Vec<Problem> {
    let is_kept_open = settings.is_kept_open("program_output");
    if by_stdout || by_program && is_kept_open {
        return settings.buffered().into_iter().collect();
    }
    if !by_program {
        return Vec::new();
    }
    let file = settings.file("program_output").display();
    let problem = format!(
        "{file}: program_output.keep_alive is not true, so that Falco starts the program anew for \
         each alert"
    );
    vec![(problem, SET_TO_TRUE).into()]
}
