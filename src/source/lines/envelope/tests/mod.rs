mod hostile;
mod parts;

use super::*;
use crate::alert::{Alert, Format};
use crate::json::line_message;

const MOST: usize = 2000;

fn alert(rule: &str) -> String {
    format!(
        r#"{{"hostname":"n","output":"a \"{{x\\","output_fields":{{"a":1}},"priority":"Notice","rule":"{rule}","source":"syscall","tags":[],"time":"2026-11-25T09:00:00.000000001Z"}}"#
    )
}

/// An alert that was read, or another outcome in short.
fn short(outcome: Unwrapped) -> String {
    let text = |text: Vec<u8>| String::from_utf8_lossy(&text).into_owned();
    match outcome {
        Unwrapped::Alert(bytes) => {
            let alert = Alert::read(bytes, Format::JsonLine).unwrap();
            let raw = alert.falco_json().to_string();
            assert_eq!(Alert::from_json(&raw).unwrap().rule(), alert.rule());
            alert.rule().to_owned()
        }
        Unwrapped::Damaged {
            text: bytes,
            problem,
        } => {
            assert!(!problem.is_empty());
            format!("damaged {}", text(bytes))
        }
        Unwrapped::TooLong(bytes) => format!("{bytes} bytes"),
        Unwrapped::Text(bytes) => format!("text {}", text(bytes)),
        Unwrapped::Unknown(bytes) => format!("unknown {}", text(bytes)),
        Unwrapped::Skipped(bytes) => format!("skipped {}", text(bytes)),
        Unwrapped::Found(envelopes) => {
            let names: Vec<String> = envelopes.iter().map(|one| format!("{one:?}")).collect();
            names.join(" ")
        }
    }
}

fn of_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut unwrapper = Unwrapper::new(line_message, MOST, 0);
    let mut outcomes = Vec::new();
    for (number, line) in lines.into_iter().enumerate() {
        unwrapper.push(Line::Whole(line.to_vec()), number, number + 1);
        outcomes.extend(std::iter::from_fn(|| unwrapper.pop()));
    }
    unwrapper.finish();
    outcomes.extend(std::iter::from_fn(|| unwrapper.pop()));
    outcomes
        .into_iter()
        .map(|(outcome, _)| short(outcome))
        .collect()
}

fn of(lines: &[&str]) -> Vec<String> {
    of_lines(lines.iter().map(|line| line.as_bytes()))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn plain_alerts_are_taken_as_they_are() {
    let (one, two) = (alert("one"), alert("two"));
    assert_eq!(of(&[&one, &two]), ["one", "two"]);
    // With what does not belong to them.
    let marked = format!("\u{feff}{one}");
    let behind_a_hole = format!("\0\0\0{two} \0");
    assert_eq!(of(&[&marked, &behind_a_hole]), ["one", "two"]);
    let both = format!("[{one},{two}] {one}{two}");
    assert_eq!(of(&[&both]), ["one", "two", "one", "two"]);
}

#[test]
fn json_of_collectors_is_looked_into() {
    let one = alert("one");
    let text = quoted(&one);
    let bytes = format!("{:?}", one.as_bytes());
    for (line, envelope) in [
        (
            format!(r#"{{"__REALTIME_TIMESTAMP":"1","MESSAGE":{text},"PRIORITY":"4"}}"#),
            "JournalJson",
        ),
        (format!("\x1e{{\"MESSAGE\" : {bytes}}}"), "JournalJson"),
        (
            format!(r#"{{"stream":"stdout","log":{text},"kubernetes":{{"pod":"x"}}}}"#),
            "DockerJson",
        ),
        (
            format!(r#"{{"date":1.5,"log":{text},"a":1,"b":2,"kubernetes":{{"pod":"x"}}}}"#),
            "JsonLog",
        ),
        (
            format!(r#"{{"timestamp":1,"message":{text},"level":"info"}}"#),
            "JsonLog",
        ),
        (
            format!(r#"{{"log":{{"file":{{"path":"x"}}}},"message":{text}}}"#),
            "JsonLog",
        ),
        (
            format!(r#"{{"labels":{{}},"line":{text},"timestamp":"x"}}"#),
            "JsonLog",
        ),
        (
            format!(r#"{{"events":[{{"timestamp":1,"message":{text}}}],"next":"x"}}"#),
            "JsonLog",
        ),
        (
            format!(r#"{{"data":{{"result":[{{"stream":{{}},"values":[["1",{text}]]}}]}}}}"#),
            "JsonLog",
        ),
        (
            format!(r#"{{"hits":{{"hits":[{{"_source":{one}}}]}}}}"#),
            "JsonLog",
        ),
        (
            format!(r#"{{"severity":"INFO","jsonPayload":{one}}}"#),
            "JsonLog",
        ),
        (format!("@cee: {one}"), "Prefix"),
        (format!("level=info msg={text}"), "Logfmt"),
        (
            format!("[pod/falco-x/falco] 2026-11-25T09:00:00.1Z {one}"),
            "Timestamp",
        ),
        (format!("\x1b[36mfalco-1  | \x1b[0m{one}"), "Prefix"),
    ] {
        let found = of(&[&line]);
        assert_eq!(found.last().unwrap(), "one", "{line}: {found:?}");
        assert!(
            found[found.len() - 2]
                .split(' ')
                .any(|name| name == envelope),
            "{line}: {found:?}"
        );
    }
    // A collector has read it, and kept the text.
    let line = format!(
        r#"{{"log":{},"rule":"two","priority":"Notice"}}"#,
        quoted(&format!("{one}\n"))
    );
    assert_eq!(of(&[&line]).last().unwrap(), "one");
}

#[test]
fn layers_may_be_within_layers_as_far_as_anybody_goes() {
    let cri = format!("2026-11-25T09:00:00.1Z stdout F {}", alert("one"));
    let journal = format!("Nov 25 09:00:00 node kubelet[1]: {cri}");
    let docker = format!(
        r#"{{"log":{},"stream":"stdout"}}"#,
        quoted(&format!("{journal}\n"))
    );
    assert_eq!(of(&[&docker]), ["Cri DockerJson Syslog", "one"]);
    let mut deep = alert("one");
    for _ in 0..100 {
        deep = format!("[x] {deep}");
    }
    assert!(of(&[&deep]).iter().all(|found| found != "one"));
}

#[test]
fn what_is_no_alert_is_told_by_what_it_is() {
    let one = alert("one");
    for (line, kind) in [
        (&one[40..], "damaged "),
        (&one[..40], "damaged "),
        (&one[40..one.len() - 3], "damaged "),
        ("{\"foo\":1}", "damaged "),
        (
            "{\"rule\":\"x\",\"priority\":\"Notice\",\"level\":1,\"msg\":\"{}\"}",
            "damaged ",
        ),
        ("{}", "damaged "),
        ("{", "damaged "),
        (
            "{\"level\":\"info\",\"msg\":\"Falco ends\",\"time\":\"x\"}",
            "skipped ",
        ),
        (
            "Mon Mar 31 00:26:04 2025: Falco version: 0.39.2 (x86_64)",
            "skipped ",
        ),
        ("   WARNING: 1", "skipped "),
        ("10:00:59.420756000: Notice plain event 0 happened", "text "),
        ("* Setting up /usr/src links from host", "unknown "),
        ("Nov 25 09:00:00 node sshd[1]: Accepted {\"a\"", "skipped "),
        ("Nov 25 09:00:00 node app[1]: {\"a\":1}", "skipped "),
    ] {
        let found = of(&[line]);
        assert!(found.last().unwrap().starts_with(kind), "{line}: {found:?}");
        // And the next one comes.
        assert_eq!(of(&[line, &one]).last().unwrap(), "one", "{line}");
    }
    // What belongs to a line of Falco's before it.
    let lines = [
        "Mon Mar 31 00:26:04 2025: rules: Ok, with warnings",
        "1 Warnings:",
        &one,
        "x",
    ];
    assert_eq!(of(&lines)[1..], ["skipped 1 Warnings:", "one", "unknown x"]);
    assert_eq!(
        of(&["10:00:59.42: Notice one", "two\": {}"])[1..],
        ["skipped two\": {}"]
    );
}

#[test]
fn an_alert_behind_one_that_was_cut_in_its_line_comes() {
    let (one, two) = (alert("one"), alert("two"));
    for end in 1..one.len() {
        let line = format!("{}{two}", &one[..end]);
        let found = of(&[&line]);
        assert_eq!(found.last().unwrap(), "two", "{line}");
        assert!(found[0].starts_with("damaged "), "{found:?}");
    }
}
