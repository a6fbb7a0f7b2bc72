//! Protobuf's wire format.
//!
//! An alert and its generated message must never disagree about the same bytes, so this reads what
//! rust-protobuf 3.7's generated code reads and refuses what it refuses. That is protobuf's
//! specification but for three habits: a time or a map entry that claims more bytes than the
//! message has ends with the message; an enum's number beyond 32 bits is an error, not cut; a group
//! in a map entry may stay open. Text is only measured here: whether it is UTF-8 is not asked.

use std::fmt;

use protobuf::UnknownValueRef;

/// As many groups and messages in each other as rust-protobuf takes.
pub(crate) const MOST_NESTED: usize = 100;

// The tags of `falco.outputs.response`: field number and wire type as they stand on the wire.
pub(super) const TIME: u32 = 1 << 3 | 2;
pub(super) const PRIORITY: u32 = 2 << 3;
pub(super) const SOURCE_DEPRECATED: u32 = 3 << 3;
pub(super) const RULE: u32 = 4 << 3 | 2;
pub(super) const OUTPUT: u32 = 5 << 3 | 2;
pub(super) const OUTPUT_FIELDS: u32 = 6 << 3 | 2;
pub(super) const HOSTNAME: u32 = 7 << 3 | 2;
pub(super) const TAGS: u32 = 8 << 3 | 2;
pub(super) const SOURCE: u32 = 9 << 3 | 2;

// Those of a map's entry and of a google.protobuf.Timestamp.
pub(super) const KEY: u32 = 1 << 3 | 2;
pub(super) const VALUE: u32 = 2 << 3 | 2;
pub(super) const SECONDS: u32 = 1 << 3;
pub(super) const NANOS: u32 = 2 << 3;

/// Why bytes are no message, and where.
#[derive(Debug)]
pub(crate) struct Problem {
    what: &'static str,
    at: usize,
}

impl Problem {
    pub(super) fn new(what: &'static str, at: usize) -> Self {
        Problem { what, at }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

pub(crate) type Read<T> = std::result::Result<T, Problem>;

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Text, bytes or a message: from where to where in the whole message.
    Bytes(usize, usize),
    /// Skipped, as nobody has sent groups since proto2.
    Group,
}

/// In which message a field stands; groups are limited a little differently in each.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Level {
    Response,
    Time,
    Entry,
}

/// Reads one field after the other; positions count from the start of the whole message.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// Reads the message that lies from `start` to `end`.
    pub(crate) fn within(bytes: &'a [u8], start: usize, end: usize) -> Self {
        Reader {
            bytes: bytes.get(..end).unwrap_or_default(),
            at: start,
        }
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn problem<T>(&self, what: &'static str) -> Read<T> {
        Err(Problem::new(what, self.at))
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Of at most `longest` bytes, of which the last is at most `last`.
    #[inline]
    fn varint(&mut self, longest: usize, last: u8) -> Read<u64> {
        let rest = self.rest();
        if let Some(&byte) = rest.first() {
            if byte < 0x80 {
                self.at += 1;
                return Ok(u64::from(byte));
            }
        }
        let mut value = 0;
        for (place, &byte) in rest.iter().take(longest).enumerate() {
            if place + 1 == longest && byte > last {
                return self.problem("a number is too long");
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.at += place + 1;
                return Ok(value);
            }
        }
        self.problem("a number is cut off")
    }

    pub(crate) fn varint64(&mut self) -> Read<u64> {
        self.varint(10, 1)
    }

    fn varint32(&mut self) -> Read<u32> {
        // Five bytes of which the last has four bits: it fits.
        self.varint(5, 0x0f).map(|value| value as u32)
    }

    /// The next field's tag; none at the end.
    #[inline]
    pub(crate) fn tag(&mut self) -> Read<Option<u32>> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        self.varint32().map(Some)
    }

    fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => self.problem("a number is cut off"),
        }
    }

    /// A length and as many bytes.
    #[inline]
    pub(super) fn bytes(&mut self) -> Read<(usize, usize)> {
        let length = self.varint32()? as usize;
        if length > self.bytes.len() - self.at {
            return self.problem("a text or message is cut off");
        }
        let start = self.at;
        self.at += length;
        Ok((start, self.at))
    }

    /// A length and a message, which ends with the bytes at the latest.
    #[inline]
    pub(super) fn message(&mut self, length: u64) -> Read<(usize, usize)> {
        let start = self.at;
        match (start as u64).checked_add(length) {
            Some(end) => {
                self.at = usize::try_from(end)
                    .unwrap_or(usize::MAX)
                    .min(self.bytes.len())
            }
            None => return self.problem("a length is too large"),
        }
        Ok((start, self.at))
    }

    /// The next field of a `response`.
    #[inline]
    pub(crate) fn response_field(&mut self) -> Read<Option<(u32, Value)>> {
        let Some(tag) = self.tag()? else {
            return Ok(None);
        };
        let value = match tag {
            TIME => {
                let length = self.varint64()?;
                self.message(length)
                    .map(|(start, end)| Value::Bytes(start, end))?
            }
            OUTPUT_FIELDS => {
                let length = self.varint32()?;
                self.message(length.into())
                    .map(|(start, end)| Value::Bytes(start, end))?
            }
            tag => self.value(tag, Level::Response)?,
        };
        Ok(Some((tag, value)))
    }

    /// What the field with this tag holds.
    pub(crate) fn value(&mut self, tag: u32, level: Level) -> Read<Value> {
        if tag >> 3 == 0 {
            return self.problem("a field has the number 0");
        }
        Ok(match tag & 7 {
            0 => Value::Varint(self.varint64()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => self.bytes().map(|(start, end)| Value::Bytes(start, end))?,
            3 => {
                self.skip_group(level)?;
                Value::Group
            }
            4 => return self.problem("a group ends that never began"),
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed()?)),
            _ => return self.problem("a field has an unknown wire type"),
        })
    }

    /// Reads on to the end of a group whose start was read, without recursion.
    fn skip_group(&mut self, level: Level) -> Read<()> {
        let most = match level {
            Level::Response => MOST_NESTED + 1,
            Level::Time | Level::Entry => MOST_NESTED,
        };
        let mut open = 1;
        while open > 0 {
            let Some(tag) = self.tag()? else {
                return match level {
                    Level::Entry => Ok(()),
                    _ => self.problem("a group is cut off"),
                };
            };
            match (tag >> 3, tag & 7) {
                (0, _) => return self.problem("a field has the number 0"),
                (_, 3) if open == most => return self.problem("groups are nested too deeply"),
                (_, 3) => open += 1,
                (_, 4) => open -= 1,
                _ => {
                    self.value(tag, level)?;
                }
            }
        }
        Ok(())
    }
}

/// The fields of a `response` that its generated message does not name.
pub(super) fn unknown_fields(bytes: &[u8]) -> impl Iterator<Item = (u32, UnknownValueRef<'_>)> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || loop {
        let (tag, value) = reader.response_field().ok()??;
        if matches!(
            tag,
            TIME | PRIORITY
                | SOURCE_DEPRECATED
                | RULE
                | OUTPUT
                | OUTPUT_FIELDS
                | HOSTNAME
                | TAGS
                | SOURCE
        ) {
            continue;
        }
        let value = match value {
            Value::Varint(value) => UnknownValueRef::Varint(value),
            Value::Fixed64(value) => UnknownValueRef::Fixed64(value),
            Value::Fixed32(value) => UnknownValueRef::Fixed32(value),
            Value::Bytes(start, end) => {
                UnknownValueRef::LengthDelimited(bytes.get(start..end).unwrap_or_default())
            }
            Value::Group => continue,
        };
        return Some((tag >> 3, value));
    })
}
