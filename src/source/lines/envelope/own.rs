//! What Falco itself writes between its alerts, and alerts that it writes as text.

use super::time::{after, clock, ctime, iso, number};
use crate::priority::Priority;

/// What a line of text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Own {
    /// Of Falco's log, or of the statistics that it ends with.
    Log,
    /// An alert, as Falco writes it where `json_output` is not true.
    Alert,
}

/// What a text is if it is Falco's. It is indented as Falco does.
pub(super) fn of(text: &[u8]) -> Option<Own> {
    if let Some(message) = clock(text).and_then(|rest| after(rest, b": ")) {
        return is_priority(message).then_some(Own::Alert);
    }
    if let Some(message) = iso(text).and_then(|rest| after(rest, b": ")) {
        // Falco's log has no fraction.
        let has_fraction = text.get(19) == Some(&b'.');
        return Some(match has_fraction && is_priority(message) {
            true => Own::Alert,
            false => Own::Log,
        });
    }
    let is_log = ctime(text).is_some_and(|rest| rest.starts_with(b":"));
    (is_log || is_statistic(text)).then_some(Own::Log)
}

/// Whether a text begins with a priority's name, as Falco's `time_format` puts it before an alert.
fn is_priority(text: &[u8]) -> bool {
    let end = text.iter().position(|&byte| byte == b' ');
    let word = text.get(..end.unwrap_or_default()).unwrap_or_default();
    std::str::from_utf8(word).is_ok_and(|word| word.parse::<Priority>().is_ok())
}

fn is_statistic(text: &[u8]) -> bool {
    const HEADS: [&[u8]; 4] = [
        b"Rule counts by severity:",
        b"Triggered rules by rule name:",
        b"Syscall event drop monitoring:",
        b"Falco version: ",
    ];
    const COUNTS: [&[u8]; 3] = [b"Events detected: ", b"Driver Events:", b"Driver Drops:"];
    let is_number = |text| number(text).is_some_and(<[u8]>::is_empty);
    if HEADS.iter().any(|head| text.starts_with(head)) {
        return true;
    }
    if let Some(count) = COUNTS.iter().find_map(|head| after(text, head)) {
        return is_number(count);
    }
    if let Some(elapsed) = after(text, b"Elapsed time: ") {
        return elapsed.windows(16).any(|part| part == b"Captured Events:");
    }
    // "   WARNING: 1", "   A rule's name: 1", "   - num times actions taken: 0"
    let Some(count) = after(text, b"   ") else {
        return false;
    };
    let count = count.strip_suffix(b" occurrences").unwrap_or(count);
    let colon = count.windows(2).rposition(|pair| pair == b": ");
    let name_is_quoted = count.trim_ascii_start().starts_with(b"\"");
    !name_is_quoted && colon.is_some_and(|colon| count.get(colon + 2..).is_some_and(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falcos_own_lines_are_told_from_its_alerts() {
        for line in [
            "Mon Mar 31 00:26:04 2025: Falco version: 0.39.2 (x86_64)",
            "Mon Mar 31 00:26:04 2025:    /etc/falco/falco.yaml | schema validation: ok",
            "2026-11-25T09:59:29+0000: Falco version: 0.44.0",
            "2026-11-25T09:59:29+0000: Error while it ends",
            "Events detected: 14",
            "Rule counts by severity:",
            "   EMERGENCY: 2",
            "Triggered rules by rule name:",
            "   RF ünicode 日本: 2",
            "   Rule: with a colon: 2",
            "Syscall event drop monitoring:",
            "   - event drop detected: 0 occurrences",
            "   - num times actions taken: 0",
            "Elapsed time: 3.014, Captured Events: 10, 3.32 eps",
        ] {
            assert_eq!(of(line.as_bytes()), Some(Own::Log), "{line}");
        }
        for line in [
            "10:00:59.420756000: Notice plain event 0 happened (text=cat)",
            "2026-11-25T09:59:29.321006000+0000: Emergency invalid 4",
            "09:00:00.000000001: Informational x",
        ] {
            assert_eq!(of(line.as_bytes()), Some(Own::Alert), "{line}");
        }
        for line in [
            "",
            "two",
            "10:00:59: connected",
            "   \"user.uid\": 0",
            "  user: 0",
            "Events detected: many",
            "2026-11-25T09:59:29Z stdout F x",
        ] {
            assert_eq!(of(line.as_bytes()), None, "{line}");
        }
    }
}
