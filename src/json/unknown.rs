//! Fields that a message's type does not name.

use std::fmt;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
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
                [(number, value)] => map.serialize_entry(number, &UnknownValue(value))?,
                [(number, _), ..] => map.serialize_entry(number, &UnknownValues(values))?,
            }
        }
        Ok(())
    }
}

struct UnknownValues<'a>(&'a [(u32, UnknownValueRef<'a>)]);

impl Serialize for UnknownValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, value)| UnknownValue(value)))
    }
}

struct UnknownValue<'a>(&'a UnknownValueRef<'a>);

impl Serialize for UnknownValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            UnknownValueRef::Fixed32(value) => serializer.serialize_u32(*value),
            UnknownValueRef::Fixed64(value) | UnknownValueRef::Varint(value) => {
                serializer.collect_str(value)
            }
            UnknownValueRef::LengthDelimited(bytes) => serializer.collect_str(&base64(bytes)),
        }
    }
}

/// The standard alphabet, padded, as protobuf's mapping writes `bytes`.
pub(super) fn base64(bytes: &[u8]) -> impl fmt::Display + '_ {
    Base64Display::new(bytes, &STANDARD)
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
            assert_eq!(base64(bytes).to_string(), expected);
        }
    }
}
