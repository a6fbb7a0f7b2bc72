//! The text form: one line an alert, for a person at a terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use falco_client::{Alert, Priority};
use serde::Deserialize;

use crate::escape::Escaped;

/// Writes `time priority rule: output`, with all that could drive a terminal or forge a line
/// shown escaped.
pub fn write(alert: &Alert, coloured: bool, to: &mut impl Write) -> io::Result<()> {
    let priority = alert.priority();
    let (colour, plain) = if coloured {
        (colour(priority), "\x1b[0m")
    } else {
        ("", "")
    };
    let shown = output(alert);
    write!(
        to,
        "{} {colour}{priority:<13}{plain} {}: {}",
        time(alert),
        Escaped(alert.rule()),
        Escaped(without_prefix(&shown, priority)),
    )
}

/// RFC 3339, UTC, nanoseconds; the bare number of seconds where no calendar reaches.
fn time(alert: &Alert) -> String {
    match jiff::Timestamp::new(alert.seconds(), alert.nanos()) {
        Ok(time) if (0..1_000_000_000).contains(&alert.nanos()) => format!("{time:.9}"),
        _ => format!("{}s{:+}ns", alert.seconds(), alert.nanos()),
    }
}

fn colour(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => "\x1b[1;31m",
        Priority::Error => "\x1b[31m",
        Priority::Warning => "\x1b[33m",
        Priority::Notice => "\x1b[36m",
        _ => "\x1b[2m",
    }
}

/// The formatted text. With Falco's `json_output` it is inside the JSON line in `output`.
fn output(alert: &Alert) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        output: Option<Cow<'a, str>>,
        #[serde(borrow)]
        message: Option<Cow<'a, str>>,
    }
    let output = alert.output();
    if !output.starts_with('{') {
        return output.into();
    }
    let line = serde_json::from_str(output).ok();
    line.and_then(|line: Line| line.output.or(line.message))
        .unwrap_or(output.into())
}

/// Falco begins the text with time and priority, which are in the line already.
fn without_prefix(output: &str, priority: Priority) -> &str {
    let without = || {
        let (time, rest) = output.split_once(": ")?;
        let time_like = |byte: u8| byte.is_ascii_digit() || b":.+-TZ".contains(&byte);
        if !time.starts_with(|char: char| char.is_ascii_digit()) || !time.bytes().all(time_like) {
            return None;
        }
        rest.strip_prefix(priority.name()?)?.strip_prefix(' ')
    };
    without().unwrap_or(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(alert: &Alert) -> String {
        let mut line = Vec::new();
        write(alert, false, &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    fn with_output(output: &str) -> Alert {
        Alert::builder()
            .without_time()
            .priority(Priority::Notice)
            .rule("A rule")
            .output(output)
            .build()
    }

    #[test]
    fn time_priority_rule_and_output_in_one_line() {
        assert_eq!(
            shown(&with_output(
                "16:44:57.151891325: Notice A shell (user=root)"
            )),
            "1970-01-01T00:00:00.000000000Z Notice        A rule: A shell (user=root)"
        );
    }

    #[test]
    fn only_falcos_own_prefix_is_left_out() {
        for kept in [
            "12: Warning text",
            "evil: Notice text",
            ": Notice text",
            "12: Noticetext",
        ] {
            assert!(shown(&with_output(kept)).ends_with(&format!("A rule: {kept}")));
        }
        let iso = "2026-11-22T16:42:47.284336179+0000: Notice text";
        assert!(shown(&with_output(iso)).ends_with("A rule: text"));
    }

    #[test]
    fn the_text_inside_falcos_json_is_shown() {
        let line = r#"{"output":"16:42:47.2: Notice \"a\" \u001b[2J","priority":"Notice"}"#;
        assert!(shown(&with_output(line)).ends_with(r#"A rule: "a" \u{1b}[2J"#));
        assert!(shown(&with_output(r#"{"message":"m"}"#)).ends_with("A rule: m"));
        for whole in [r#"{"rule":"r"}"#, "{", r#"{"output":1}"#] {
            assert!(shown(&with_output(whole)).ends_with(&format!("A rule: {whole}")));
        }
    }

    #[test]
    fn a_hostile_alert_stays_one_harmless_line() {
        let hostile = "\x1b]0;x\x07\r\n1970-01-01T00:00:00Z Notice forged\u{2028}\u{202e}\u{9b}2J";
        let alert = Alert::builder()
            .without_time()
            .rule(hostile)
            .output(hostile)
            .build();
        let line = shown(&alert);
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains(['\u{2028}', '\u{202e}']), "{line:?}");
        assert_eq!(line.matches(r"\r\n1970").count(), 2, "{line}");
    }

    #[test]
    fn colour_follows_the_priority_and_ends_with_it() {
        let mut line = Vec::new();
        write(&with_output("text"), true, &mut line).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(
            line.ends_with(" \x1b[36mNotice       \x1b[0m A rule: text"),
            "{line:?}"
        );
    }
}
