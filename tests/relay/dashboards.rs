//! What the dashboard and the alert rules in `deploy/` ask for is what a relay serves.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::until;
use crate::get;
use crate::{line, listening, poster, Rig};

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !in_name(c));
    words
        .filter(|word| word.starts_with("falco_client_") || *word == "falco_events")
        .collect()
}

#[test]
fn every_metric_of_the_dashboard_and_the_rules_is_served() {
    let rig = Rig::set_up();
    let file = rig.path("delivered.jsonl");
    let relay = listening()
        .to(file.to_str().unwrap().parse().unwrap())
        .metrics("127.0.0.1:0")
        .start()
        .unwrap();
    // A loss or what was left out is seen, whatever its kind.
    let dashboard = include_str!("../../deploy/grafana/falco-client.json");
    for name in [
        "source_gaps",
        "source_refused",
        "source_skipped",
        "source_undecodable",
        "spool_damaged",
        "spool_dropped",
        "sink_refused",
    ] {
        let name = format!("falco_client_{name}_total");
        assert!(names(dashboard).contains(&*name), "{name}");
    }
    assert_eq!(poster(&relay).post(&line(0)).unwrap(), 200);
    until("it is delivered", || relay.status().sinks[0].delivered == 1);
    let served = get(&relay, "/metrics");
    let has_samples = |name: &&str| {
        served
            .lines()
            .filter_map(|line| line.strip_prefix(*name))
            .any(|rest| rest.starts_with([' ', '{']))
    };
    for (file, label_of) in [
        ("grafana/falco-client.json", "by ("),
        ("prometheus/alerts.yml", "$labels."),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("deploy")
            .join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let asked = names(&text);
        assert!(asked.len() > 5, "{file}: {asked:?}");
        let missing: Vec<_> = asked.iter().filter(|name| !has_samples(name)).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");

        let labels = text.split(label_of).skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        });
        for label in labels {
            // Prometheus itself adds this one.
            let known = label == "instance" || served.contains(&format!("{label}=\""));
            assert!(known, "{file}: the label {label}");
        }
    }
}
