//! Settings by which fewer alerts arrive, later, or with less in them.

use falco_client::check::Outcome;

use super::{said, says, Settings, POSTS};
use crate::common::Falco;

#[test]
fn settings_that_make_alerts_poorer_are_warned_of() {
    let settings = Settings::new(
        "json_output: true\njson_include_output_fields_property: false\n\
         outputs_queue: {capacity: 100}\nhttp_output: {enabled: true, url: \"http://a:1\"}",
    );
    let report = settings.check(POSTS);
    let texts: Vec<_> = said(&report)
        .into_iter()
        .map(|(outcome, text)| {
            assert_ne!(outcome, Outcome::Failed, "{text}");
            text
        })
        .collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains("have no output fields")),
        "{texts:?}"
    );
    assert!(
        texts
            .iter()
            .any(|text| text.contains("outputs_queue.capacity is 100")),
        "{texts:?}"
    );
}

#[test]
fn settings_that_lose_or_delay_alerts_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.json");
    let file = format!("file://{}", path.display());
    let falco = Falco::start();
    let address = falco.endpoint();
    let base = format!(
        "json_output: true\nstdout_output: {{enabled: true}}\nfile_output: {{enabled: true, \
         keep_alive: true, filename: {}}}\ngrpc: {{enabled: true, bind_address: \"{address}\"}}\n",
        path.display()
    );
    for (endpoint, text, expected) in [
        ("-", "priority: debug\nbuffered_outputs: false", ""),
        ("-", "priority: ${LEVEL}\nbuffered_outputs: ${BUFFERED}", ""),
        ("-", "outputs: {rate: 0}\noutputs_queue: {capacity: 0}", ""),
        (
            "-",
            "priority: warning",
            "priority is warning, so that rules",
        ),
        (&address, "priority: Notice", "priority is Notice"),
        (
            &address,
            "outputs_queue: {capacity: 7}",
            "outputs_queue.capacity is 7",
        ),
        (&address, "json_include_tags_property: false", ""),
        (&file, "json_include_tags_property: false", "have no tags"),
        (&file, "json_include_output_property: no", "have no output"),
        (&file, "buffered_outputs: true", "alerts arrive late"),
        ("-", "buffered_outputs: true", "alerts arrive late"),
        (&address, "buffered_outputs: true", ""),
        (
            "-",
            "outputs: {rate: 1, max_burst: 9}",
            "outputs.rate is 1, so that a Falco before 0.36",
        ),
    ] {
        let report = Settings::new(&format!("{base}{text}\n")).check(endpoint);
        let said = said(&report);
        assert!(report.failed().is_none(), "{report}");
        let warned = said
            .iter()
            .filter(|(outcome, _)| *outcome == Outcome::Warning);
        let warned: Vec<_> = warned.map(|(_, text)| text.as_str()).collect();
        match expected {
            "" => assert_eq!(warned, [""; 0], "{text}"),
            part => assert!(warned.len() == 1 && warned[0].contains(part), "{warned:?}"),
        }
    }
}

#[test]
fn a_program_that_is_started_for_each_alert_is_warned_of() {
    let program = "json_output: true\nprogram_output: {enabled: true, program: cat}\n";
    let report = Settings::new(program).check("-");
    says(
        &report,
        &[
            (Outcome::Ok, "program_output are on"),
            (Outcome::Warning, "starts the program anew for each alert"),
        ],
    );
    let kept = program.replace("cat", "cat, keep_alive: true");
    let report = Settings::new(&kept).check("-");
    says(&report, &[(Outcome::Ok, "program_output are on")]);
}
