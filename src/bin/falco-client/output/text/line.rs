//! The text form where no terminal shows it: one line an alert.

use std::io::{self, Write};

use falco_client::Alert;

use super::message::{output, without_prefix};
use crate::escape::Escaped;

/// Writes `time priority rule: output`, with all that could drive a terminal or forge a line
/// shown escaped.
pub fn write(alert: &Alert, to: &mut impl Write) -> io::Result<()> {
    let priority = alert.priority();
    let shown = output(alert);
    writeln!(
        to,
        "{} {priority:<13} {}: {}",
        time(alert),
        Escaped(alert.rule()),
        Escaped(without_prefix(&shown, priority)),
    )
}

/// RFC 3339, UTC, nanoseconds; the bare number of seconds where no calendar reaches.
pub fn time(alert: &Alert) -> String {
    match jiff::Timestamp::new(alert.seconds(), alert.nanos()) {
        Ok(time) if (0..1_000_000_000).contains(&alert.nanos()) => format!("{time:.9}"),
        _ => format!("{}s{:+}ns", alert.seconds(), alert.nanos()),
    }
}

#[cfg(test)]
mod tests {
    use falco_client::Priority;

    use super::*;

    fn shown(alert: &Alert) -> String {
        let mut line = Vec::new();
        write(alert, &mut line).unwrap();
        let line = String::from_utf8(line).unwrap();
        line.strip_suffix('\n').unwrap().to_owned()
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
}
