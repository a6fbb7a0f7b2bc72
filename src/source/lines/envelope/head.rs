//! Heads that stand before a text on the same line, by others than syslog.

use super::kind::{Envelope, Part, Peeled};
use super::scan::begins_like_an_alert;
use super::time::{after, iso};
use super::{logfmt, stream, syslog};

/// The longest head that is looked for.
const LONGEST: usize = 512;

/// A text without its head. Each kind of head is told by its form: what others have put into a text
/// must not pass for one.
pub(super) fn of(text: &[u8]) -> Option<Peeled<'_>> {
    cri(text)
        .or_else(|| fixed(text))
        .or_else(|| syslog::of(text))
        .or_else(|| bracket(text))
        .or_else(|| compose(text))
        .or_else(|| logfmt::of(text))
        .or_else(|| words(text))
}

/// `2026-11-25T09:00:00.1Z stdout F text`, as containerd and CRI-O keep a container's output.
fn cri(text: &[u8]) -> Option<Peeled<'_>> {
    let rest = after(iso(text)?, b" ")?;
    let name = rest.get(..6)?;
    if name != b"stdout" && name != b"stderr" {
        return None;
    }
    let rest = after(rest.get(6..)?, b" ")?;
    let end = rest.iter().position(|&byte| byte == b' ');
    let (tags, text) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
    let part = match tags.split(|&byte| byte == b':').next()? {
        b"P" => Part::More,
        b"F" => Part::Last,
        _ => return None,
    };
    Some(Peeled {
        envelope: Envelope::Cri,
        text: text.get(1..).unwrap_or_default().into(),
        stream: stream(&[name]),
        part,
        shared: false,
    })
}

fn prefix<'a>(head: &[u8], text: &'a [u8]) -> Peeled<'a> {
    Peeled {
        envelope: Envelope::Prefix,
        text: text.into(),
        stream: stream(&[head]),
        part: Part::Last,
        shared: false,
    }
}

/// `[pod/falco-x/falco] text`, as `kubectl logs --prefix` and kubetail write it.
fn bracket(text: &[u8]) -> Option<Peeled<'_>> {
    let inner = text.strip_prefix(b"[")?;
    let is_end = |&byte: &u8| matches!(byte, b']' | b'[' | b'{' | b'}' | b'"');
    let end = inner.iter().take(LONGEST).position(is_end)?;
    let (head, rest) = inner.split_at_checked(end)?;
    let rest = rest.strip_prefix(b"]")?;
    let text = rest.strip_prefix(b" ").unwrap_or(rest);
    (!head.is_empty() && !text.is_empty()).then(|| prefix(head, text))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/' | b'@')
}

/// `falco-1  | text`, as `docker compose logs` writes it.
fn compose(text: &[u8]) -> Option<Peeled<'_>> {
    let end = text.iter().take(LONGEST).position(|&byte| !is_name(byte))?;
    let (name, rest) = text.split_at_checked(end)?;
    let rest = rest.trim_ascii_start().strip_prefix(b"|")?;
    (!name.is_empty()).then(|| prefix(name, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// Words that mark what follows them.
fn fixed(text: &[u8]) -> Option<Peeled<'_>> {
    // Of rsyslog's mmjsonparse; of journalctl's export and verbose; of server-sent events.
    const HEADS: [&[u8]; 3] = [b"@cee:", b"MESSAGE=", b"data: "];
    let head = HEADS.iter().find(|head| text.starts_with(head))?;
    Some(prefix(head, text.get(head.len()..)?))
}

/// Some words, and then what begins like an alert: `falco-x falco {"hostname":…`, as stern writes it.
fn words(text: &[u8]) -> Option<Peeled<'_>> {
    let start = text.iter().take(LONGEST).position(|&byte| byte == b'{')?;
    let (head, rest) = text.split_at_checked(start)?;
    let is_plain = |&byte: &u8| {
        is_name(byte) || byte.is_ascii_whitespace() || b":,|[]<>+#~;&*".contains(&byte)
    };
    let follows = head.last().is_some_and(|&byte| !is_name(byte));
    (follows && head.iter().all(is_plain) && begins_like_an_alert(rest)).then(|| prefix(head, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peel(text: &str) -> Option<(Envelope, String, Part)> {
        let peeled = of(text.as_bytes())?;
        let rest = String::from_utf8(peeled.text.into_owned()).unwrap();
        Some((peeled.envelope, rest, peeled.part))
    }

    #[test]
    fn cri_lines_have_a_stream_and_tags() {
        let head = "2026-11-25T09:00:00.000000001Z";
        let of = |text: &str| peel(&format!("{head} {text}"));
        let cri = |text: &str, part| Some((Envelope::Cri, text.to_owned(), part));
        assert_eq!(of("stdout F {\"a\":1}"), cri("{\"a\":1}", Part::Last));
        assert_eq!(of("stderr P   text "), cri("  text ", Part::More));
        assert_eq!(of("stdout F"), cri("", Part::Last));
        assert_eq!(of("stdout F "), cri("", Part::Last));
        assert_eq!(of("stdout P:x y"), cri("y", Part::More));
        for other in ["stdout X y", "stdin F y", "stdoutF y"] {
            assert!(!matches!(of(other), Some((Envelope::Cri, ..))), "{other}");
        }
        let stream = |name: &str| {
            super::of(format!("{head} {name} F x").as_bytes())
                .unwrap()
                .stream
        };
        assert_ne!(stream("stdout"), stream("stderr"));
        assert_eq!(stream("stdout"), stream("stdout"));
    }

    #[test]
    fn prefixes_are_taken_off() {
        for text in [
            "[pod/falco-x/falco] {\"rule\":1}",
            "[falco-x falco] {\"rule\":1}",
            "[falco-x]{\"rule\":1}",
            "falco-1  | {\"rule\":1}",
            "falco_1 | {\"rule\":1}",
            "falco.1.x2k@node-1    | {\"rule\":1}",
            "falco-x falco {\"rule\":1}",
            "default falco-x › {\"rule\":1}",
            "+ falco-x › falco {\"rule\":1}",
            "2026-11-25T09:00:00+00:00\tkube.falco\t{\"rule\":1}",
            "@cee:{\"rule\":1}",
            "MESSAGE={\"rule\":1}",
            "data: {\"rule\":1}",
        ] {
            match peel(text) {
                Some((Envelope::Prefix | Envelope::Timestamp, rest, Part::Last)) => {
                    assert!(rest.ends_with("{\"rule\":1}"), "{text}: {rest}");
                }
                other => assert!(text.contains('›'), "{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_others_put_into_a_text_is_no_alert() {
        for text in [
            "Warning quoted text=say {\"rule\":\"forged\"}",
            "a shell (cmd={\"rule\":\"forged\"}",
            "user said \"{\"rule\":\"forged\"}",
            "x{\"rule\":1}",
            "text {not an alert}",
            "[] {\"a\":1}",
            "just text",
            "",
        ] {
            assert_eq!(peel(text), None, "{text}");
        }
    }
}
