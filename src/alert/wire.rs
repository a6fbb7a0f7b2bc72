//! Protobuf's wire format.
//!
//! An alert and its generated message must never disagree about the same bytes, so this reads what
//! rust-protobuf 3.7's generated code reads and refuses what it refuses. That is protobuf's
//! specification with three exceptions: a time or a map entry that claims more bytes than the message
//! has ends with the message; an enum's number beyond 32 bits is an error, not truncated; a group in a
//! map entry may stay open. Whether text is UTF-8 is not checked here.

use std::fmt;

use protobuf::UnknownValueRef;

/// How deep groups and messages may be nested, as in rust-protobuf.
pub(crate) const MOST_NESTED: usize = 100;

// The tags of `falco.outputs.response`: field number and wire type as on the wire.
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
pub(crate) struct Malformed {
    what: &'static str,
    at: usize,
}

impl Malformed {
    pub(super) fn new(what: &'static str, at: usize) -> Self {
        Malformed { what, at }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

pub(crate) type WireResult<T> = std::result::Result<T, Malformed>;

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Text, bytes or a message, and where it starts.
    Bytes(usize, &'a [u8]),
    /// Skipped: groups are deprecated since proto2.
    Group,
}

/// The message that a field belongs to: the limits of groups differ a little.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Level {
    Response,
    Time,
    Entry,
}

/// Reads one field after the other; positions count from the start of the whole message.
pub(crate) struct WireReader<'a> {
    rest: &'a [u8],
    end: usize,
}

// Inlined by force: as calls, these small steps took a third of the time.
impl<'a> WireReader<'a> {
    /// Reads a message that starts at `start` in the whole one.
    pub(crate) fn new(start: usize, message: &'a [u8]) -> Self {
        WireReader {
            rest: message,
            end: start + message.len(),
        }
    }

    pub(crate) fn position(&self) -> usize {
        self.end - self.rest.len()
    }

    #[cold]
    fn problem<T>(&self, what: &'static str) -> WireResult<T> {
        Err(Malformed::new(what, self.position()))
    }

    /// Of at most `longest` bytes, of which the last is at most `last`.
    #[inline(always)]
    fn varint(&mut self, longest: usize, last: u8) -> WireResult<u64> {
        match self.rest {
            [one @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*one))
            }
            [one, two @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(one & 0x7f) | u64::from(*two) << 7)
            }
            _ => self.long_varint(longest, last),
        }
    }

    fn long_varint(&mut self, longest: usize, last: u8) -> WireResult<u64> {
        let mut value = 0;
        for (place, &byte) in self.rest.iter().take(longest).enumerate() {
            if place + 1 == longest && byte > last {
                return self.problem("a number is too long");
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.rest = self.rest.get(place + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        self.problem("a number is cut off")
    }

    #[inline(always)]
    pub(crate) fn varint64(&mut self) -> WireResult<u64> {
        self.varint(10, 1)
    }

    #[inline(always)]
    fn varint32(&mut self) -> WireResult<u32> {
        // Five bytes of which the last has four bits: it fits.
        self.varint(5, 0x0f).map(|value| value as u32)
    }

    /// The next field's tag; none at the end.
    #[inline(always)]
    pub(crate) fn tag(&mut self) -> WireResult<Option<u32>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.varint32().map(Some)
    }

    fn fixed<const N: usize>(&mut self) -> WireResult<[u8; N]> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => self.problem("a number is cut off"),
        }
    }

    /// A length, and that number of bytes.
    #[inline(always)]
    pub(super) fn bytes(&mut self) -> WireResult<(usize, &'a [u8])> {
        let length = self.varint32()? as usize;
        let start = self.position();
        match self.rest.split_at_checked(length) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok((start, bytes))
            }
            None => self.problem("a text or message is cut off"),
        }
    }

    /// A message of this length, which ends with the bytes at the latest.
    #[inline(always)]
    pub(super) fn message(&mut self, length: u64) -> WireResult<(usize, &'a [u8])> {
        let start = self.position();
        if (start as u64).checked_add(length).is_none() {
            return self.problem("a length is too large");
        }
        let length = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(self.rest.len());
        let (message, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        self.rest = rest;
        Ok((start, message))
    }

    /// The next field of a `response`.
    #[inline(always)]
    pub(crate) fn response_field(&mut self) -> WireResult<Option<(u32, Value<'a>)>> {
        let Some(tag) = self.tag()? else {
            return Ok(None);
        };
        let (start, bytes) = match tag {
            RULE | OUTPUT | HOSTNAME | TAGS | SOURCE => self.bytes()?,
            OUTPUT_FIELDS => {
                let length = self.varint32()?;
                self.message(length.into())?
            }
            TIME => {
                let length = self.varint64()?;
                self.message(length)?
            }
            tag => {
                return self
                    .value(tag, Level::Response)
                    .map(|value| Some((tag, value)))
            }
        };
        Ok(Some((tag, Value::Bytes(start, bytes))))
    }

    /// What the field with this tag holds.
    pub(crate) fn value(&mut self, tag: u32, level: Level) -> WireResult<Value<'a>> {
        if tag >> 3 == 0 {
            return self.problem("a field has the number 0");
        }
        Ok(match tag & 7 {
            0 => Value::Varint(self.varint64()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => self
                .bytes()
                .map(|(start, bytes)| Value::Bytes(start, bytes))?,
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
    fn skip_group(&mut self, level: Level) -> WireResult<()> {
        let most = match level {
            Level::Response => MOST_NESTED + 1,
            Level::Time | Level::Entry => MOST_NESTED,
        };
        let mut open = 1;
        while open > 0 {
            let Some(tag) = self.tag()? else {
                return match level {
                    Level::Entry => Ok(()),
                    Level::Response | Level::Time => self.problem("a group is cut off"),
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

/// The value of a field of bytes, if there is one: the last one counts.
pub(super) fn last_bytes(message: &[u8], wanted: u32) -> Option<&[u8]> {
    let mut reader = WireReader::new(0, message);
    let mut last = None;
    while let Ok(Some((tag, value))) = reader.response_field() {
        if let (true, Value::Bytes(_, bytes)) = (tag == wanted, value) {
            last = Some(bytes);
        }
    }
    last
}

/// The fields of a `response` that its generated message does not name.
pub(super) fn unknown_fields(bytes: &[u8]) -> impl Iterator<Item = (u32, UnknownValueRef<'_>)> {
    let mut reader = WireReader::new(0, bytes);
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
            Value::Bytes(_, bytes) => UnknownValueRef::LengthDelimited(bytes),
            Value::Group => continue,
        };
        return Some((tag >> 3, value));
    })
}
