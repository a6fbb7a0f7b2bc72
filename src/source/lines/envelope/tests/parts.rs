//! What is cut into parts, and put together.

use super::*;

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
