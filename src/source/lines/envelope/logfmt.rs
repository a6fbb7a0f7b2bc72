//! logfmt: `level=info msg="{\"rule\":…}"`.

use super::kind::{Envelope, Part, Peeled};
use super::object::TEXTS;
use super::stream;

/// The text of a line that is pairs of keys and values from its beginning to its end.
pub(super) fn of(line: &[u8]) -> Option<Peeled<'_>> {
    let (mut rest, mut text) = (line, None);
    while !rest.is_empty() {
        let is_key = |&&byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte);
        let end = rest.iter().take_while(is_key).count();
        let (key, value) = rest.split_at_checked(end).filter(|_| end > 0)?;
        let value = value.strip_prefix(b"=")?;
        let end = match value.first() {
            Some(b'"') => quoted(value)?,
            _ => value
                .iter()
                .take_while(|&&byte| byte != b' ' && byte != b'"')
                .count(),
        };
        let (value, after) = value.split_at_checked(end)?;
        if text.is_none()
            && value.starts_with(b"\"")
            && TEXTS.iter().any(|name| name.as_bytes() == key)
        {
            text = Some(value);
        }
        if !after.is_empty() && !after.starts_with(b" ") {
            return None;
        }
        rest = after.trim_ascii_start();
    }
    let text: String = serde_json::from_slice(text?).ok()?;
    Some(Peeled {
        envelope: Envelope::Logfmt,
        text: text.into_bytes().into(),
        stream: stream(&[b"logfmt"]),
        part: Part::Last,
        shared: true,
    })
}

/// How long the quoted text is that `text` begins with.
fn quoted(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let inner = text.get(1..)?;
    let end = inner.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_line_is_found() {
        let text = |line: &str| {
            let peeled = of(line.as_bytes())?;
            Some(String::from_utf8(peeled.text.into_owned()).unwrap())
        };
        let found = Some(r#"{"rule":"a \" b"}"#.to_owned());
        let value = r#""{\"rule\":\"a \\\" b\"}""#;
        assert_eq!(text(&format!("msg={value}")), found);
        assert_eq!(
            text(&format!("ts=1 level=info message={value} x=\"a b\"  y=")),
            found
        );
        for line in [
            "msg=text",
            "level=info",
            "text msg=\"a\"",
            "msg=\"a",
            "msg=\"a\"b",
            "msg=\"\\q\"",
            "=",
            "",
        ] {
            assert_eq!(text(line), None, "{line}");
        }
    }
}
