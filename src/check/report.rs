//! The report of a check.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::diagnose::{Finding, Outcome};

/// The findings of a check, in the order of the steps, up to the first that fails.
///
/// Displayed as one line for each, with the remedy below it; serialized as an object of `ok`, `failed`
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

    /// All findings, in order. A step may have several, or none where it does not apply.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The finding that failed, if any.
    pub fn failed(&self) -> Option<&Finding> {
        let mut findings = self.findings.iter();
        findings.find(|finding| finding.outcome == Outcome::Failed)
    }
}

/// For findings from elsewhere, as those of a relay's sink.
impl From<Vec<Finding>> for Report {
    fn from(findings: Vec<Finding>) -> Report {
        Report::of(findings)
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
