//! Characters around a text that are no part of it.

use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;
const BOM: &[u8] = "\u{feff}".as_bytes();
/// Before each object of `journalctl -o json-seq`.
const RECORD_SEPARATOR: u8 = 0x1e;

/// Whether a text has colours. JSON has none: there, the byte is escaped.
pub(super) fn has_colours(text: &[u8]) -> bool {
    text.contains(&ESCAPE)
}

/// A text without colours, as `jq -C` or `stern` write them.
pub(super) fn without_colours(text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != ESCAPE {
            kept.push(byte);
            rest = after;
            continue;
        }
        rest = match after.split_first() {
            Some((b'[', after)) => {
                let end = after.iter().position(|byte| (0x40..0x7f).contains(byte));
                end.and_then(|end| after.get(end + 1..)).unwrap_or_default()
            }
            Some((b'(', after)) => after.get(1..).unwrap_or_default(),
            _ => after,
        };
    }
    kept
}

/// A text without NULs, byte order marks and white space at its edges, but for what it is indented by.
pub(super) fn strip(text: &[u8]) -> &[u8] {
    let mut text = text;
    loop {
        let before = text.len();
        text = text.strip_prefix(BOM).unwrap_or(text);
        let junk = |&&byte: &&u8| byte == 0 || byte == RECORD_SEPARATOR;
        let junk = text.iter().take_while(junk).count();
        text = text.get(junk..).unwrap_or_default();
        if text.len() == before {
            break;
        }
    }
    while let Some((last, rest)) = text.split_last() {
        if *last != 0 && !last.is_ascii_whitespace() {
            break;
        }
        text = rest;
    }
    text
}

/// As [`strip`], for a text that may have colours.
pub(super) fn clean(text: &[u8]) -> Cow<'_, [u8]> {
    match has_colours(text) {
        true => strip(&without_colours(text)).to_vec().into(),
        false => strip(text).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_taken_off() {
        for (text, clean_text) in [
            (&b"\0\0\0{\"a\":1}"[..], &b"{\"a\":1}"[..]),
            ("\u{feff}{}".as_bytes(), b"{}"),
            ("\0\u{feff}\0 {} \0\r".as_bytes(), b" {}"),
            (b"\x1e{}", b"{}"),
            (
                b"\x1b[31mfalco\x1b[0m {\x1b[1;34m\"a\"\x1b(B:1}",
                b"falco {\"a\":1}",
            ),
            (b"\x1b[31", b""),
            (b"\x1b", b""),
            (b"", b""),
        ] {
            assert_eq!(&*clean(text), clean_text);
        }
    }
}
