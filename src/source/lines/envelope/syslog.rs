//! The heads of syslog, as daemons, rsyslog and journald write them.

use super::kind::{Envelope, Part, Peeled};
use super::stream;
use super::time::{after, ctime, full, iso, monotonic, number, rfc3164, unix};

const BOM: &[u8] = "\u{feff}".as_bytes();

/// A text without its head, or without a time alone.
pub(super) fn of(text: &[u8]) -> Option<Peeled<'_>> {
    // The length that RFC 6587 puts before a message.
    let unframed = number(text).and_then(|rest| after(rest, b" "));
    let text = unframed
        .filter(|rest| rest.starts_with(b"<"))
        .unwrap_or(text);
    let unprioritised = priority(text);
    let body = unprioritised.unwrap_or(text);
    if let Some(peeled) = rfc5424(body) {
        return Some(peeled);
    }
    // What only syslog writes, and what others write as well.
    let own = rfc3164(body).or_else(|| monotonic(body));
    let any = || {
        iso(body)
            .or_else(|| full(body))
            .or_else(|| unix(body))
            .or_else(|| ctime(body))
    };
    let rest = match (own.or_else(any), unprioritised) {
        (Some(rest), _) => rest.trim_ascii_start(),
        (None, Some(body)) => body,
        // Some templates leave the time out.
        (None, None) => return tagged(body).filter(|peeled| peeled.text.starts_with(b"{")),
    };
    if let Some(peeled) = tagged(rest) {
        return Some(peeled);
    }
    let is_syslog = own.is_some() || unprioritised.is_some();
    Some(Peeled {
        envelope: match is_syslog {
            true => Envelope::Syslog,
            false => Envelope::Timestamp,
        },
        text: labels(rest).unwrap_or(rest).into(),
        stream: 0,
        part: Part::Last,
        shared: is_syslog,
    })
}

/// What follows `<13>`.
fn priority(text: &[u8]) -> Option<&[u8]> {
    let rest = number(text.strip_prefix(b"<")?)?;
    (text.len() - rest.len() <= 4).then(|| rest.strip_prefix(b">"))?
}

/// `host falco[1]: text`, the tag among the first four words.
fn tagged(text: &[u8]) -> Option<Peeled<'_>> {
    let mut at = 0;
    for _ in 0..4 {
        let rest = text.get(at..)?;
        let end = rest.iter().take(256).position(|&byte| byte == b' ');
        let word = rest.get(..end.unwrap_or(rest.len().min(256)))?;
        if word.iter().any(|byte| b"{}\"=(".contains(byte)) {
            return None;
        }
        let end = at + word.len();
        if word.len() > 1 && word.ends_with(b":") {
            let rest = text.get(end..)?;
            return Some(Peeled {
                envelope: Envelope::Syslog,
                text: rest.strip_prefix(b" ").unwrap_or(rest).into(),
                stream: stream(&[text.get(..end)?]),
                part: Part::Unknown,
                shared: true,
            });
        }
        at = end + 1;
    }
    None
}

/// `1 2026-11-25T09:00:00Z node-1 falco 4242 - [id name="value"] text`
fn rfc5424(text: &[u8]) -> Option<Peeled<'_>> {
    let rest = after(text, b"1 ")?;
    let rest = after(iso(rest).or_else(|| after(rest, b"-"))?, b" ")?;
    let mut data = rest;
    for _ in 0..4 {
        let end = data.iter().take(256).position(|&byte| byte == b' ')?;
        data = data.get(end + 1..).filter(|_| end > 0)?;
    }
    let head = rest.get(..rest.len() - data.len())?;
    let rest = structured(data)?;
    let text = rest.strip_prefix(b" ").unwrap_or(rest);
    Some(Peeled {
        envelope: Envelope::Rfc5424,
        text: text.strip_prefix(BOM).unwrap_or(text).into(),
        stream: stream(&[head]),
        part: Part::Unknown,
        shared: true,
    })
}

/// What follows structured data: `-`, or elements in brackets with values in quotes.
fn structured(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return (rest.is_empty() || rest.starts_with(b" ")).then_some(rest);
    }
    let (mut rest, mut found) = (text, false);
    while let Some(element) = rest.strip_prefix(b"[") {
        let (mut quoted, mut escaped) = (false, false);
        let end = element.iter().position(|&byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = quoted,
                b'"' => quoted = !quoted,
                b']' => return !quoted,
                _ => {}
            }
            false
        })?;
        rest = element.get(end + 1..)?;
        found = true;
    }
    (found && (rest.is_empty() || rest.starts_with(b" "))).then_some(rest)
}

/// What follows Loki's labels, as `logcli` writes them between time and line: `{app="falco"} text`.
fn labels(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"{")?;
    loop {
        if let Some(rest) = rest.strip_prefix(b"}") {
            return Some(rest.trim_ascii_start());
        }
        let name = |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let end = rest.iter().take_while(|byte| name(byte)).count();
        rest = rest.get(end..).filter(|_| end > 0)?.strip_prefix(b"=\"")?;
        let mut escaped = false;
        let end = rest.iter().position(|&byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        rest = rest.get(end + 1..)?;
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALERT: &str = r#"{"rule":"a ] \" b"}"#;

    #[test]
    fn heads_of_syslog_are_taken_off() {
        for (head, envelope) in [
            ("Nov 25 09:00:00 node-1 falco[4242]: ", Envelope::Syslog),
            ("Nov  5 09:00:00 node-1 falco: ", Envelope::Syslog),
            ("<13>Jan  2 03:04:05 host falco[1]: ", Envelope::Syslog),
            (
                "2026-11-25T09:00:00.100000+00:00 node-1 falco: ",
                Envelope::Syslog,
            ),
            (
                "<4>2026-11-25T09:00:00Z node-1 Falco[1]: ",
                Envelope::Syslog,
            ),
            (
                "2026-11-25T09:00:00+0000 node falco-modern-bpf.service[1]: ",
                Envelope::Syslog,
            ),
            (
                "Wed 2026-11-25 09:00:00 UTC node-1 falco[4242]: ",
                Envelope::Syslog,
            ),
            ("[12345.678901] node-1 falco[1]: ", Envelope::Syslog),
            (
                "[12345.678901 <    0.1>] node-1 falco[1]: ",
                Envelope::Syslog,
            ),
            ("1795597200.123456 node-1 falco[1]: ", Envelope::Syslog),
            ("Nov 25 09:00:00 falco[1]: ", Envelope::Syslog),
            (
                "Wed Nov 25 09:00:00 2026 daemon.warn falco[1]: ",
                Envelope::Syslog,
            ),
            ("<12>falco[1]: ", Envelope::Syslog),
            ("<12>", Envelope::Syslog),
            ("falco[1]: ", Envelope::Syslog),
            (
                "Nov 25 09:00:00 node-1 docker/3ad7b26ded6d[1]: ",
                Envelope::Syslog,
            ),
            (
                "<12>1 2026-11-25T09:00:00.1Z node-1 falco 4242 - - ",
                Envelope::Rfc5424,
            ),
            (
                "1 2026-11-25T09:00:00.1Z node-1 falco - - - \u{feff}",
                Envelope::Rfc5424,
            ),
            ("<12>1 - - - - - - ", Envelope::Rfc5424),
            (
                "187 <12>1 2026-11-25T09:00:00Z h falco 1 - - ",
                Envelope::Rfc5424,
            ),
            (
                "<12>1 2026-11-25T09:00:00Z h falco 1 ID [a@1 b=\"x] \\\" y\"][c] ",
                Envelope::Rfc5424,
            ),
            ("2026-11-25T09:00:00.000000001Z ", Envelope::Timestamp),
            (
                "2026-11-25T09:00:00Z {app=\"falco\", pod=\"x\\\"}\"} ",
                Envelope::Timestamp,
            ),
            ("2026-11-25T09:00:00Z {} ", Envelope::Timestamp),
        ] {
            let text = format!("{head}{ALERT}");
            let peeled = of(text.as_bytes()).unwrap_or_else(|| panic!("{head}"));
            assert_eq!(&*peeled.text, ALERT.as_bytes(), "{head}");
            assert_eq!(peeled.envelope, envelope, "{head}");
        }
    }

    #[test]
    fn what_is_no_head_stays() {
        for text in [
            ALERT,
            "",
            "<",
            "<1",
            "<12345>x",
            "falco: text",
            "Starting: falco",
            "text=\"a: {\"",
        ] {
            assert_eq!(of(text.as_bytes()), None, "{text}");
        }
        // A value of an alert that stands before it is no tag.
        let text = format!("<12>user=x: {ALERT}");
        assert_eq!(
            &*of(text.as_bytes()).unwrap().text,
            text.as_bytes().get(4..).unwrap()
        );
    }

    #[test]
    fn streams_are_told_apart_by_host_and_process() {
        let stream = |text: &str| of(text.as_bytes()).unwrap().stream;
        let one = stream("Nov 25 09:00:00 node falco[1]: x");
        assert_eq!(stream("Nov 25 10:11:12 node falco[1]: y"), one);
        assert_ne!(stream("Nov 25 09:00:00 node falco[2]: x"), one);
        assert_ne!(stream("Nov 25 09:00:00 edon falco[1]: x"), one);
    }
}
