//! Fields that a message's type does not name.

use std::fmt;

use protobuf::UnknownValueRef;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Sorted by number, each number's in the order of the wire.
pub(super) struct Unknown<'a>(Vec<(u32, UnknownValueRef<'a>)>);

impl<'a> Unknown<'a> {
    pub(super) fn of(fields: impl Iterator<Item = (u32, UnknownValueRef<'a>)>) -> Self {
        let mut fields: Vec<_> = fields.collect();
        fields.sort_by_key(|(number, _)| *number);
        Unknown(fields)
    }

    /// Each number once: a list where there are several.
    pub(super) fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        for values in self.0.chunk_by(|(one, _), (other, _)| one == other) {
            match values {
                [] => {}
                [(number, value)] => map.serialize_entry(number, &Value(value))?,
                [(number, _), ..] => map.serialize_entry(number, &Values(values))?,
            }
        }
        Ok(())
    }
}

struct Values<'a>(&'a [(u32, UnknownValueRef<'a>)]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, value)| Value(value)))
    }
}

struct Value<'a>(&'a UnknownValueRef<'a>);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            UnknownValueRef::Fixed32(value) => serializer.serialize_u32(*value),
            UnknownValueRef::Fixed64(value) | UnknownValueRef::Varint(value) => {
                serializer.collect_str(value)
            }
            UnknownValueRef::LengthDelimited(bytes) => serializer.collect_str(&Base64(bytes)),
        }
    }
}

/// The standard alphabet, padded, as protobuf's mapping writes `bytes`.
pub(super) struct Base64<'a>(pub(super) &'a [u8]);

impl fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for group in self.0.chunks(3) {
            let at = |place: usize| u32::from(group.get(place).copied().unwrap_or_default());
            let bits = at(0) << 16 | at(1) << 8 | at(2);
            for place in 0..4 {
                let digit = (bits >> (18 - 6 * place) & 63) as u8;
                f.write_char(match digit {
                    _ if place > group.len() => '=',
                    0..26 => (b'A' + digit).into(),
                    26..52 => (b'a' + digit - 26).into(),
                    52..62 => (b'0' + digit - 52).into(),
                    62 => '+',
                    _ => '/',
                })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foobar", "Zm9vYmFy"),
            (b"\xfb\xef\xff\x00", "++//AA=="),
        ] {
            assert_eq!(Base64(bytes).to_string(), expected);
        }
    }
}
