//! The times that stand before lines.

/// What follows `prefix`.
pub(super) fn after<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    text.strip_prefix(prefix)
}

/// What follows exactly `count` digits.
fn digits(text: &[u8], count: usize) -> Option<&[u8]> {
    let (digits, rest) = text.split_at_checked(count)?;
    digits.iter().all(u8::is_ascii_digit).then_some(rest)
}

/// What follows one digit or more.
pub(super) fn number(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.get(end..).filter(|_| end > 0)
}

/// What follows `HH:MM:SS`, and a fraction if there is one.
pub(super) fn clock(text: &[u8]) -> Option<&[u8]> {
    let text = after(digits(text, 2)?, b":")?;
    let text = after(digits(text, 2)?, b":")?;
    let text = digits(text, 2)?;
    let fraction = text.strip_prefix(b".").or_else(|| text.strip_prefix(b","));
    Some(fraction.and_then(number).unwrap_or(text))
}

/// What follows `Z` or `+01:00`.
fn zone(text: &[u8]) -> Option<&[u8]> {
    match text.split_first()? {
        (b'Z' | b'z', rest) => Some(rest),
        (b'+' | b'-', rest) => {
            let rest = digits(rest, 2)?;
            digits(rest.strip_prefix(b":").unwrap_or(rest), 2)
        }
        _ => None,
    }
}

fn date(text: &[u8]) -> Option<&[u8]> {
    let text = after(digits(text, 4)?, b"-")?;
    let text = after(digits(text, 2)?, b"-")?;
    digits(text, 2)
}

/// What follows `2026-11-25T09:00:00.1Z` or the like.
pub(super) fn iso(text: &[u8]) -> Option<&[u8]> {
    let (separator, text) = date(text)?.split_first()?;
    let text = match separator {
        b'T' | b't' | b' ' => clock(text)?,
        _ => return None,
    };
    Some(zone(text).unwrap_or(text))
}

fn name<'a>(text: &'a [u8], names: &[&[u8; 3]]) -> Option<&'a [u8]> {
    let found = names.iter().find_map(|name| text.strip_prefix(&name[..]))?;
    found.strip_prefix(b" ")
}

fn month(text: &[u8]) -> Option<&[u8]> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    name(text, &MONTHS)
}

fn weekday(text: &[u8]) -> Option<&[u8]> {
    const DAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    name(text, &DAYS)
}

/// What follows `Nov 25 09:00:00` or `Nov  5 2026 09:00:00`.
pub(super) fn rfc3164(text: &[u8]) -> Option<&[u8]> {
    let text = month(text)?;
    let text = after(number(text.trim_ascii_start())?, b" ")?;
    clock(text).or_else(|| clock(after(digits(text, 4)?, b" ")?))
}

/// What follows `Wed Nov 25 09:00:00 2026`, as Falco's log has it.
pub(super) fn ctime(text: &[u8]) -> Option<&[u8]> {
    let text = rfc3164(weekday(text)?)?;
    digits(after(text, b" ")?, 4)
}

/// What follows `Wed 2026-11-25 09:00:00 UTC`, as `journalctl -o short-full` has it.
pub(super) fn full(text: &[u8]) -> Option<&[u8]> {
    let text = clock(after(date(weekday(text)?)?, b" ")?)?;
    let zone = after(text, b" ")?;
    let end = zone.iter().position(|&byte| byte == b' ')?;
    zone.get(end..).filter(|_| (1..=6).contains(&end))
}

/// What follows `1795597200.123456`, as `journalctl -o short-unix` has it.
pub(super) fn unix(text: &[u8]) -> Option<&[u8]> {
    number(after(digits(text, 10)?, b".")?)
}

/// What follows `[  123.456789]` or `[  123.456789 <    0.1>]`.
pub(super) fn monotonic(text: &[u8]) -> Option<&[u8]> {
    let inner = text.strip_prefix(b"[")?.trim_ascii_start();
    let rest = number(after(number(inner)?, b".")?)?;
    let end = rest.iter().take(40).position(|&byte| byte == b']')?;
    let (delta, rest) = rest.split_at_checked(end)?;
    let plain = |&byte: &u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'<' | b'>' | b'.');
    delta.iter().all(plain).then(|| rest.get(1..)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Times<'a> = (fn(&[u8]) -> Option<&[u8]>, &'a [&'a str], &'a [&'a str]);

    #[test]
    fn each_kind_of_time_is_found_and_no_other() {
        let kinds: [Times; 6] = [
            (
                iso,
                &[
                    "2026-11-25T09:00:00.000000000Z",
                    "2026-11-25T09:00:00+0000",
                    "2026-11-25 09:00:00,123",
                    "2026-11-25T09:00:00.1+01:00",
                ],
                &["2026-11-25", "026-11-25T09:00:00Z", "2026-11-25T9:00:00Z"],
            ),
            (
                rfc3164,
                &[
                    "Nov 25 09:00:00",
                    "Jan  2 03:04:05.678",
                    "Jan 2 2026 03:04:05",
                ],
                &["Nov 25", "Foo 25 09:00:00", "Nov x 09:00:00"],
            ),
            (
                ctime,
                &["Mon Mar 31 00:26:04 2025", "Wed Nov  5 00:26:04 2025"],
                &["Mon Mar 31 00:26:04", "Mar 31 00:26:04 2025"],
            ),
            (
                full,
                &["Wed 2026-11-25 09:00:00 UTC"],
                &["Wed 2026-11-25 09:00:00"],
            ),
            (unix, &["1795597200.123456"], &["1795597200", "17955.1"]),
            (
                monotonic,
                &["[  123.456789]", "[1.5 <    0.1>]"],
                &["[123]", "[pod/falco]", "[  12.3", "[1.5 x]"],
            ),
        ];
        for (kind, good, bad) in kinds {
            for text in good {
                let text = format!("{text} rest");
                assert_eq!(kind(text.as_bytes()), Some(&b" rest"[..]), "{text}");
            }
            for text in bad {
                assert_eq!(kind(text.as_bytes()), None, "{text}");
            }
        }
    }
}
