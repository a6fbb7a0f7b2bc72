//! `/metrics` is what Prometheus' text format allows, whatever comes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use falco_client::relay::{Relay, Sink};
use falco_client::{Alert, Config};

use crate::common::until;
use crate::get;
use crate::{listening, poster, Rig};

type Labels = BTreeMap<String, String>;

/// Reads the format strictly, by <https://prometheus.io/docs/instrumenting/exposition_formats/>. Returns the samples.
fn read(text: &str) -> BTreeMap<(String, Labels), f64> {
    assert!(text.ends_with('\n'), "the last line has its end");
    let mut samples = BTreeMap::new();
    let (mut current, mut seen) = (None, BTreeSet::new());
    for line in text.strip_suffix('\n').unwrap().split('\n') {
        let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
        assert!(!line.contains(odd), "{line:?}");
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, _) = rest.split_once(' ').unwrap();
            assert!(is_name(name), "{line:?}");
            assert!(seen.insert(name.to_owned()), "twice: {line:?}");
            current = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(current.as_deref(), Some(name), "{line:?}");
            assert!(["gauge", "counter"].contains(&kind), "{line:?}");
        } else {
            let end = line.find(['{', ' ']).unwrap();
            let (name, rest) = line.split_at(end);
            assert_eq!(current.as_deref(), Some(name), "{line:?}");
            let (labels, value) = match rest.strip_prefix('{') {
                Some(rest) => labels(rest),
                None => (Labels::new(), rest),
            };
            let value = value.strip_prefix(' ').unwrap().parse::<f64>().unwrap();
            let before = samples.insert((name.to_owned(), labels), value);
            assert!(before.is_none(), "twice: {line:?}");
        }
    }
    samples
}

fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(legal) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Labels up to the closing brace, and what follows.
fn labels(mut rest: &str) -> (Labels, &str) {
    let mut labels = Labels::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap();
        assert!(is_name(name) && !name.starts_with("__"), "{name:?}");
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    other => panic!("\\{other} in {after:?}"),
                }),
                (_, char) => value.push(char),
            }
        };
        assert!(value.chars().count() <= 210, "{value:?}");
        assert!(
            labels.insert(name.to_owned(), value).is_none(),
            "twice: {name}"
        );
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (labels, rest.strip_prefix('}').unwrap()),
        }
    }
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn hostile_rules_fields_and_addresses_break_no_line_and_no_series() {
    let rig = Rig::set_up();
    let file = rig.path("out \"q\" \\ \r\n\u{1b}[31m.jsonl");
    let sinks = [
        "http://one:secret@127.0.0.1:1/",
        "http://two:secret@127.0.0.1:1/",
    ];
    let mut builder = listening()
        .from_named("a\rb\u{86}", Config::new("listen+http://127.0.0.1:0"))
        .from_named("a\rb\u{85}", Config::new("listen+http://127.0.0.1:0"))
        .to(format!("file://{}", file.display()).parse().unwrap());
    for sink in sinks {
        builder = builder.to(sink.parse::<Sink>().unwrap());
    }
    for field in ["k8s.ns.name", "k8s_ns_name", "rule", "__x", "7", "é\r"] {
        builder = builder.metrics_field(field);
    }
    let relay = builder.metrics("127.0.0.1:0").start().unwrap();
    let mut falco = poster(&relay);
    let mut rules: Vec<String> = (0..0x30_u8)
        .chain([0x7f])
        .map(|byte| format!("rule {}x", char::from(byte)))
        .collect();
    rules.extend([
        "a\"} 1\nfalco_events{rule=\"b".to_owned(),
        "\\".to_owned(),
        "\\n".to_owned(),
        "\n".to_owned(),
        "\u{85}\u{2028}\u{202e}\u{feff}\u{fffd}".to_owned(),
        "é".repeat(10_000),
        String::new(),
    ]);
    for rule in &rules {
        let alert = Alert::builder()
            .rule(rule.as_str())
            .source("\r")
            .hostname("\t");
        let alert = alert
            .field("k8s.ns.name", "\0")
            .field("k8s_ns_name", "\u{2029}");
        let line = alert
            .field("rule", rule.as_str())
            .build()
            .falco_json()
            .to_string();
        assert_eq!(falco.post(&line).unwrap(), 200, "{rule:?}");
    }
    let answer = get(&relay, "/metrics");
    let samples = read(body(&answer));
    let named = |name: &str| samples.keys().filter(|(of, _)| of == name).count();
    assert_eq!(named("falco_client_sink_up"), 3, "{answer}");
    assert_eq!(named("falco_client_source_up"), 3, "{answer}");
    let events = |(name, _): &(&(String, Labels), &f64)| name.0 == "falco_client_alerts_total";
    let count: f64 = samples.iter().filter(events).map(|(_, count)| count).sum();
    assert_eq!(count, rules.len() as f64);
    assert!(samples.keys().any(|(_, labels)| {
        labels
            .get("rule")
            .is_some_and(|rule| rule == "a\"} 1\nfalco_events{rule=\"b")
    }));
}

#[test]
fn lines_that_are_skipped_are_counted() {
    let rig = Rig::set_up();
    let log = rig.path("falco.log");
    let mut text = String::new();
    for number in 0..3 {
        text.push_str("Wed Nov 25 09:00:00 2026: Falco version: 0.44.0 (x86_64)\n");
        text.push_str(&crate::line(number));
        text.push('\n');
    }
    std::fs::File::create(&log)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let source = format!("file://{}", log.display());
    let relay = Relay::builder()
        .from(Config::new(&source))
        .to(rig.path("out").to_str().unwrap().parse().unwrap())
        .metrics("127.0.0.1:0")
        .start()
        .unwrap();
    let skipped = || {
        let answer = get(&relay, "/metrics");
        let samples = read(body(&answer));
        let labels = Labels::from([("source".to_owned(), source.clone())]);
        let of = |name: &str| samples[&(format!("falco_client_source_{name}"), labels.clone())];
        (of("alerts_total"), of("skipped_total"))
    };
    until("all is read", || skipped() == (3.0, 3.0));
}
