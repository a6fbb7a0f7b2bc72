//! Falco's line as Falco writes it, which most are: keys in its order, nothing between them.
//!
//! What this accepts, the thorough check accepts too; what it does not accept is left to that.

use super::{value, FieldLookup, TIMES};
use crate::alert::Alert;
use crate::json::time;

/// Whether this is the alert's own line beyond doubt.
pub(super) fn is_own(alert: &Alert, line: &str) -> bool {
    // What Falco's JSON has instead of bytes that are not UTF-8 is a matter of its own.
    !alert.is_lossy() && read(alert, line).is_some()
}

fn read(alert: &Alert, line: &str) -> Option<()> {
    let mut line = LineCursor {
        rest: line.as_bytes(),
        separator: b'{',
    };
    if line.member("hostname") {
        let text = line.plain()?;
        (text.is_empty() || text == alert.hostname().as_bytes()).then_some(())?;
    }
    for name in ["message", "output"] {
        if line.member(name) {
            line.text()?;
        }
    }
    if line.member("output_fields") {
        read_fields(alert, &mut line)?;
    }
    line.required("priority", alert.priority().name()?)?;
    line.required("rule", alert.rule())?;
    if line.member("source") {
        let text = line.plain()?;
        (text.is_empty() || text == alert.source().as_bytes()).then_some(())?;
    }
    if line.member("tags") {
        line.skip(b"[")?;
        for (place, tag) in alert.tags().enumerate() {
            if place > 0 {
                line.skip(b",")?;
            }
            (line.plain()? == tag.as_bytes()).then_some(())?;
        }
        line.skip(b"]")?;
    }
    line.required("time", &time::falco(alert.seconds(), alert.nanos()))?;
    (line.rest == b"}").then_some(())
}

fn read_fields(alert: &Alert, line: &mut LineCursor<'_>) -> Option<()> {
    let fields = FieldLookup::of(alert);
    let mut last: Option<&[u8]> = None;
    line.skip(b"{")?;
    if line.skip(b"}").is_some() {
        return Some(());
    }
    loop {
        let name = line.plain()?;
        // Sorted, so that none is there twice.
        last.is_none_or(|last| last < name).then_some(())?;
        last = Some(name);
        line.skip(b":")?;
        let text = match fields.get(name) {
            _ if TIMES.iter().any(|time| time.as_bytes() == name) => None,
            None => return None,
            text => text,
        };
        line.value(text)?;
        if line.skip(b",").is_none() {
            return line.skip(b"}");
        }
    }
}

struct LineCursor<'a> {
    rest: &'a [u8],
    /// Before the next member.
    separator: u8,
}

impl<'a> LineCursor<'a> {
    fn skip(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(bytes)?;
        Some(())
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Whether the next member has this name: then its value follows.
    fn member(&mut self, name: &str) -> bool {
        let value = self
            .rest
            .strip_prefix(&[self.separator, b'"'])
            .and_then(|rest| rest.strip_prefix(name.as_bytes()))
            .and_then(|rest| rest.strip_prefix(b"\":"));
        let Some(value) = value else {
            return false;
        };
        (self.rest, self.separator) = (value, b',');
        true
    }

    /// A member that is always there, with the text that it must have.
    fn required(&mut self, name: &str, text: &str) -> Option<()> {
        (self.member(name) && self.plain()? == text.as_bytes()).then_some(())
    }

    /// A string without escapes.
    fn plain(&mut self) -> Option<&'a [u8]> {
        self.skip(b"\"")?;
        let text = self.take(plain_length(self.rest))?;
        self.skip(b"\"")?;
        Some(text)
    }

    /// Any string but one with characters by their number.
    fn text(&mut self) -> Option<()> {
        self.skip(b"\"")?;
        loop {
            self.take(plain_length(self.rest))?;
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return Some(());
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => {
                    self.rest = rest;
                }
                _ => return None,
            }
        }
    }

    /// The value of an output field, which is this text over gRPC, where that is known.
    fn value(&mut self, text: Option<&[u8]>) -> Option<()> {
        let is = |value: &[u8]| text.is_none_or(|text| text == value).then_some(());
        let begin = self.rest;
        match begin.first()? {
            b'"' => {
                if let Some(value) = self.plain() {
                    return is(value);
                }
                self.rest = begin;
                self.text()?;
            }
            b'[' => {
                self.skip(b"[")?;
                while self.rest.first()? != &b']' {
                    match self.rest.first()? {
                        b'"' => self.text()?,
                        b'[' | b'{' => return None,
                        _ => drop(self.take(1)?),
                    }
                }
                self.skip(b"]")?;
            }
            b'0'..=b'9' => return is(self.digits()?),
            _ => {
                let literals = [("null", "<NA>"), ("true", "true"), ("false", "false")];
                let skipped = |(json, _): &(&str, &str)| self.skip(json.as_bytes()).is_some();
                let (_, value) = literals.into_iter().find(skipped)?;
                return is(value.as_bytes());
            }
        }
        // With escapes, or a list: read as such.
        let json = begin.get(..begin.len() - self.rest.len())?;
        let json = std::str::from_utf8(json).ok()?;
        value::is(json, text).then_some(())
    }

    /// A number that every reader takes for the same.
    fn digits(&mut self) -> Option<&'a [u8]> {
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let digits = self.take(count)?;
        let is_number = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && count <= 20;
        let ends = matches!(self.rest.first(), Some(b',' | b'}'));
        (is_number && ends).then_some(digits)
    }
}

/// How many bytes come before a quote, a backslash or a control character.
fn plain_length(text: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;
    let mut rest = text;
    // Eight at a time. A byte that is found may make the next ones look as if they were, not those before.
    while let Some((eight, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
        let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let found = (below(word, b' ') | equal(b'"') | equal(b'\\')) & TOPS;
        if found != 0 {
            return text.len() - rest.len() + (found.trailing_zeros() / 8) as usize;
        }
        rest = after;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    let more = rest.iter().position(special).unwrap_or(rest.len());
    text.len() - rest.len() + more
}

#[cfg(test)]
mod tests;
