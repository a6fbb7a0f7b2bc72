//! Whether the settings of Falco's `http_output` fit an endpoint that listens: hosts, ports,
//! certificates.

mod certificates;
mod libcurl;
mod url;

use std::fs;

use falco_client::check::{Check, FalcoYaml, Outcome, Report, Step};
use falco_client::Config;

/// What is said of the settings of an `http_output` with these lines.
fn check(config: Config, lines: &[String]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("falco.yaml");
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    let text = format!("json_output: true\nhttp_output:\n  enabled: true\n{lines}");
    fs::write(&path, text).unwrap();
    let check = Check::new(config).falco_yaml(FalcoYaml::read(&path));
    let report = check.run().unwrap();
    println!("{report}");
    report
}

#[track_caller]
fn says(report: &Report, outcome: Outcome, parts: &[&str]) {
    let findings = report.findings().iter();
    let found = findings
        .filter(|finding| finding.step == Step::FalcoYaml && finding.outcome == outcome)
        .map(ToString::to_string)
        .find(|text| parts.iter().all(|part| text.contains(part)));
    assert!(found.is_some(), "no {outcome:?} has {parts:?} in\n{report}");
    let failed = report.failed().map(|finding| finding.step);
    let expected = (outcome == Outcome::Failed).then_some(Step::FalcoYaml);
    assert_eq!(failed, expected, "{report}");
}
