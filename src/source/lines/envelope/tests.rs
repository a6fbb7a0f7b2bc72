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
fn parts_of_cri_lines_are_put_together_for_each_stream() {
    let (one, two) = (alert("one"), alert("two"));
    let (start, end) = one.split_at(60);
    let line = |stream: &str, tag: &str, text: &str| {
        format!("2026-11-25T09:00:00.000000000Z {stream} {tag} {text}")
    };
    let lines = [
        line(
            "stderr",
            "F",
            "Wed Nov 25 09:00:00 2026: Falco version: 0.44.0 (x86_64)",
        ),
        line("stdout", "P", start),
        line("stderr", "P", &two[..9]),
        line("stdout", "P", &end[..30]),
        line("stdout", "F", &end[30..]),
        line("stderr", "F", &two[9..]),
        line("stdout", "F", "Events detected: 2"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(
        of(&lines),
        [
            "skipped Wed Nov 25 09:00:00 2026: Falco version: 0.44.0 (x86_64)",
            "Cri",
            "one",
            "two",
            "skipped Events detected: 2"
        ]
    );
    // Without its last part, it costs no other.
    let found = of(&[lines[1], &line("stdout", "F", &two)]);
    assert_eq!(found[2..], ["two"]);
    assert!(found[1].starts_with("damaged {\"hostname\""), "{found:?}");
    let found = of(&[
        lines[1],
        &line("stdout", "P", start),
        &line("stdout", "F", end),
    ]);
    assert_eq!(found[2..], ["one"]);
    // Without its first.
    let found = of(&[lines[3], lines[4], &line("stdout", "F", &two)]);
    assert_eq!(found.len(), 3);
    assert!(
        found[1].starts_with("damaged ") && found[2] == "two",
        "{found:?}"
    );
}

#[test]
fn docker_entries_are_put_together_for_each_stream() {
    let one = alert("ö \u{2028}");
    let entry = |text: &str, stream: &str| {
        let text = quoted(text);
        format!(r#"{{"log":{text},"stream":"{stream}","time":"2026-11-25T09:00:00.1Z"}}"#)
    };
    let (start, end) = one.split_at(90);
    let lines = [
        entry(
            "Wed Nov 25 09:00:00 2026: Falco version: 0.44.0\n",
            "stderr",
        ),
        entry(&format!("{one}\n"), "stdout"),
        entry(start, "stdout"),
        entry("Events detected: 2\n", "stderr"),
        entry(&end[..20], "stdout"),
        entry(&format!("{}\n", &end[20..]), "stdout"),
        // The end of the container's life.
        entry(&alert("last"), "stdout"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let found = of(&lines);
    let rule = "ö \u{2028}";
    assert_eq!(
        found[1..],
        [
            "DockerJson",
            rule,
            "skipped Events detected: 2",
            rule,
            "last"
        ]
    );
    let found = of(&[lines[2], lines[1]]);
    assert!(
        found[1].starts_with("damaged ") && found[2] == rule,
        "{found:?}"
    );
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
fn json_over_several_lines_is_an_alert() {
    let pretty = |rule: &str, indent: &str| {
        let value: serde_json::Value = serde_json::from_str(&alert(rule)).unwrap();
        let text = serde_json::to_string_pretty(&value).unwrap();
        text.replace("\n", &format!("\n{indent}"))
    };
    let text = [pretty("one", ""), pretty("two", "")].join("\n");
    assert_eq!(
        of(&text.lines().collect::<Vec<_>>()),
        ["SeveralLines", "one", "two"]
    );
    let list = format!(
        "[\n  {},\n  {}\n]\n{}",
        pretty("one", "  "),
        pretty("two", "  "),
        alert("three")
    );
    let found = of(&list.lines().collect::<Vec<_>>());
    assert_eq!(found, ["SeveralLines", "one", "two", "three"]);
    // One that is cut costs no other, wherever it is cut.
    let cut: Vec<&str> = text.lines().collect();
    let whole = cut.len() / 2;
    for end in 1..whole {
        for next in [text.lines().skip(whole).collect(), vec![&*alert("two")]] {
            let lines = [&cut[..end], &next].concat();
            let found = of(&lines);
            assert_eq!(found.last().unwrap(), "two", "{end}");
            assert!(
                found.iter().any(|found| found.starts_with("damaged {")),
                "{end}: {found:?}"
            );
        }
    }
    // Within another layer.
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("falco-1  | {line}"))
        .collect();
    let found = of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(found, ["Prefix SeveralLines", "one", "two"]);
}

#[test]
fn lines_that_journald_cuts_are_put_together() {
    let one = alert("one");
    let line = |process: u32, text: &str| format!("Nov 25 09:00:00 node falco[{process}]: {text}");
    let (start, end) = one.split_at(100);
    let lines = [
        line(1, start),
        line(2, &alert("two")),
        line(1, end),
        line(1, "Falco ends"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(of(&lines), ["Syslog", "two", "one", "skipped Falco ends"]);
    // Cut for good, as rsyslog does.
    let found = of(&[lines[0], lines[0], &line(1, &alert("three"))]);
    assert!(
        found[1].starts_with("damaged ") && found[2].starts_with("damaged "),
        "{found:?}"
    );
    assert_eq!(found[3..], ["three"]);
    let left_out = r#"{"MESSAGE":null,"SYSLOG_IDENTIFIER":"falco"}"#;
    assert!(of(&[left_out])[0].starts_with("damaged "));
    assert!(of(&[r#"{"MESSAGE":null,"SYSLOG_IDENTIFIER":"x"}"#])[0].starts_with("skipped "));
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

#[test]
fn a_text_that_is_put_together_has_the_same_bound() {
    let part = "x".repeat(900);
    let line = |tag: &str, text: &str| format!("2026-11-25T09:00:00.1Z stdout {tag} {text}");
    let parts = line("P", &format!("{{\"rule\":\"{part}"));
    let lines = [
        parts,
        line("P", &part),
        line("P", &part),
        line("F", "\"}"),
        line("F", &alert("one")),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(of(&lines), ["2711 bytes", "Cri", "one"]);
    let pretty: Vec<String> = (0..100)
        .map(|number| format!(" \"{number}\": \"{part}\","))
        .collect();
    let mut lines = vec!["{"];
    lines.extend(pretty.iter().map(String::as_str));
    lines.push("}");
    let one = alert("one");
    lines.push(&one);
    let found = of(&lines);
    assert!(
        found[0].ends_with(" bytes") && found[1] == "one",
        "{found:?}"
    );
    // And all streams together have one.
    let mut unwrapper = Unwrapper::new(line_message, MOST, ());
    for number in 0..10_000 {
        let line = format!("Nov 25 09:00:00 node falco[{number}]: {{\"rule\":\"{part}");
        unwrapper.push(Line::Whole(line.into()), (), ());
        assert!(unwrapper.pending.bytes() <= 2 * MOST);
    }
    assert!(std::iter::from_fn(|| unwrapper.pop()).count() > 9_000);
}

#[test]
fn reading_goes_on_before_what_is_not_whole() {
    let (one, two) = (alert("one"), alert("two"));
    let line = |stream: &str, tag: &str, text: &str| {
        format!("2026-11-25T09:00:00.1Z {stream} {tag} {text}")
    };
    let lines = [
        line("stdout", "F", &one),
        line("stderr", "P", &two[..50]),
        line("stdout", "P", &one[..50]),
        line("stdout", "F", &one[50..]),
        line("stderr", "F", &two[50..]),
        line("stdout", "F", &format!("{one}{two}")),
    ];
    let mut unwrapper = Unwrapper::new(line_message, MOST, 0);
    let mut places = Vec::new();
    for (number, line) in lines.into_iter().enumerate() {
        unwrapper.push(Line::Whole(line.into()), number, number + 1);
        let new = std::iter::from_fn(|| unwrapper.pop()).filter_map(|(_, place)| place);
        places.extend(new.map(|place| (place.done, place.resume)));
    }
    assert_eq!(places, [(1, 1), (4, 1), (5, 5), (5, 5), (6, 6)]);
}

#[test]
fn a_stream_that_never_ends_does_not_hold_the_place() {
    let one = alert("one");
    let mut unwrapper = Unwrapper::new(line_message, MOST, 0);
    let cut = format!("2026-11-25T09:00:00.1Z stderr P {}", &one[..50]);
    unwrapper.push(Line::Whole(cut.into()), 0, 1);
    for number in 1..2_000 {
        unwrapper.push(Line::Whole(one.clone().into()), number, number + 1);
        while let Some((outcome, place)) = unwrapper.pop() {
            if let (Unwrapped::Alert(_), true) = (outcome, number > 1_100) {
                assert_eq!(place.unwrap().resume, number + 1);
            }
        }
    }
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of all that is looked for.
    const PIECES: [&str; 44] = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        ":",
        ",",
        " ",
        "\n",
        "\0",
        "\u{feff}",
        "\x1b[31m",
        "\x1b",
        "\x1e",
        "<13>",
        "1 ",
        "- ",
        "|",
        "=",
        "P ",
        "F ",
        "stdout ",
        "stderr ",
        "falco[1]: ",
        "2026-11-25T09:00:00.1Z ",
        "Nov 25 09:00:00 ",
        "Wed Nov 25 09:00:00 2026: ",
        "[  1.5] ",
        "{\"log\":\"",
        "{\"MESSAGE\":",
        "\"MESSAGE\":[1,2]",
        "\\n\"",
        ",\"stream\":\"stdout\"}",
        "{\"rule\":",
        "\"priority\":\"Notice\"",
        "@cee:",
        "msg=\"",
        "09:00:00.1: Notice ",
        "é",
        "[a b=\"c\"] ",
        "Events detected: 1",
        "{\"events\":[{\"message\":\"",
        "\"_LINE_BREAK\":\"line-max\"",
    ];

    fn any_text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            8 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => Just(alert("in it").into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn nothing_hides_the_alerts_behind_it(text in any_text()) {
            let behind: Vec<String> = (0..3).map(|number| alert(&format!("behind {number}"))).collect();
            let lines = text.split(|&byte| byte == b'\n');
            let found = of_lines(lines.chain(behind.iter().map(String::as_bytes)));
            let found: Vec<&String> = found.iter().filter(|text| text.starts_with("behind")).collect();
            prop_assert_eq!(found, ["behind 0", "behind 1", "behind 2"]);
        }

        #[test]
        fn what_an_alert_is_about_makes_no_alert(value in "[ -~\\n]{0,80}") {
            let about = serde_json::json!({
                "output": value.clone() + &alert("forged"),
                "output_fields": {"a": alert("forged"), "log": alert("forged")},
                "message": alert("forged"),
                "rule": "true",
            });
            let line = about.to_string();
            // Also where it lacks a key, or is cut.
            let lines = [line.as_str(), &line[..line.len() / 2], &line[line.len() / 2..]];
            let found = of(&lines);
            prop_assert!(found.iter().all(|found| !found.starts_with("forged")), "{:?}", found);
        }
    }
}
