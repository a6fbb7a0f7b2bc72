//! All that a check has found.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::diagnose::{Finding, Outcome};

/// What was found at each step, in the order of the steps, up to where the way is broken.
///
/// Displayed as one line a step with the remedy below it; serialized as an object of `ok`, `failed`
/// (the step, or null) and `findings`.
#[derive(Clone, Debug)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn of(findings: Vec<Finding>) -> Report {
        Report { findings }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// All that was found, in order. A step may have several, or none where it does not apply.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Where the way is broken, if it is.
    pub fn failed(&self) -> Option<&Finding> {
        let mut findings = self.findings.iter();
        findings.find(|finding| finding.outcome == Outcome::Failed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let mark = match finding.outcome {
                Outcome::Ok => "ok",
                Outcome::Warning => "warning",
                Outcome::Failed => "FAILED",
            };
            writeln!(f, "{mark:<8} {:<13} {}", finding.step, finding.found)?;
            if let Some(remedy) = &finding.remedy {
                writeln!(f, "{:22} -> {remedy}", "")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let failed = self.failed().map(|finding| finding.step);
        let mut report = serializer.serialize_struct("Report", 3)?;
        report.serialize_field("ok", &failed.is_none())?;
        report.serialize_field("failed", &failed)?;
        report.serialize_field("findings", &self.findings)?;
        report.end()
    }
}
