//! Settings that were found, and what they mean for the output that is checked.

use super::losses;
use super::settings::FalcoSettings;
use crate::check::{Finding, Outcome, Step};
use crate::endpoint::Endpoint;
use crate::error::Problem;

/// The settings of a Falco, which may not be the one whose alerts are expected.
pub(in crate::check) struct FoundSettings<'a> {
    pub settings: &'a FalcoSettings,
    /// They were found at their usual place, not given by the user.
    pub is_default: bool,
    /// Whether a reader on Falco's own machine gets its alerts at an endpoint. It may look up a host.
    pub lead_to: &'a dyn Fn(&Endpoint) -> bool,
}

/// What the settings mean for an output that writes JSON.
pub(in crate::check) struct OutputFindings {
    /// Its section in `falco.yaml`.
    pub name: &'static str,
    /// What keeps alerts from being written, and what may.
    pub findings: Vec<Finding>,
    /// What makes alerts arrive late.
    pub late: Vec<Problem>,
}

impl FoundSettings<'_> {
    /// The findings of an output that writes JSON, with what else its settings cost.
    pub(in crate::check) fn of_output(
        &self,
        endpoint: &Endpoint,
        output: OutputFindings,
    ) -> Vec<Finding> {
        let settings = self.settings;
        let certain = !self.is_default || (self.lead_to)(endpoint);
        let mut findings = settings.include_findings();
        let concerning = output.findings.into_iter();
        findings.extend(concerning.map(|finding| match finding.outcome {
            Outcome::Failed if !certain => Finding {
                outcome: Outcome::Warning,
                ..finding
            },
            _ => finding,
        }));
        let is_well = findings
            .iter()
            .all(|finding| finding.outcome == Outcome::Ok);
        let losses = losses::properties(settings).into_iter();
        let losses = losses.chain(output.late).chain(losses::dropped(settings));
        findings.extend(losses.map(|problem| Finding::warning(Step::FalcoYaml, problem)));
        if is_well {
            let (path, output) = (settings.main().display(), output.name);
            let text = format!("{path}: json_output and {output} are on, and lead to {endpoint}");
            findings.insert(0, Finding::ok(Step::FalcoYaml, text));
        }
        findings
    }
}
