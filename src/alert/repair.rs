//! Replaces text that is not UTF-8 in messages, for parsers that reject it.

use protobuf::reflect::{MessageDescriptor, RuntimeFieldType, RuntimeType};

use super::encode::put_bytes;
use super::wire::{Level, Malformed, Value, WireReader, WireResult, MOST_NESTED};

/// Returns the message with U+FFFD in place of invalid UTF-8 in the fields that `message` has as
/// strings. All other fields, including unknown ones, are unchanged.
///
/// # Errors
///
/// When the bytes are no message, or nested so deep that a parser would overflow its stack.
pub(crate) fn repair(bytes: &[u8], message: &MessageDescriptor) -> WireResult<Vec<u8>> {
    let mut repaired = Vec::with_capacity(bytes.len());
    copy(0, bytes, &Shape::Message(message.clone()), 0, &mut repaired)?;
    Ok(repaired)
}

/// What a message's fields are.
enum Shape {
    Message(MessageDescriptor),
    Entry(RuntimeType, RuntimeType),
}

/// What has to be done with a field.
enum FieldKind {
    Text,
    Message(Shape),
    Other,
}

impl Shape {
    fn kind(&self, number: u32) -> FieldKind {
        let kind = match self {
            Shape::Message(message) => match message.field_by_number(number) {
                None => return FieldKind::Other,
                Some(field) => match field.runtime_field_type() {
                    RuntimeFieldType::Singular(kind) | RuntimeFieldType::Repeated(kind) => kind,
                    RuntimeFieldType::Map(key, value) => {
                        return FieldKind::Message(Shape::Entry(key, value))
                    }
                },
            },
            Shape::Entry(key, value) => match number {
                1 => key.clone(),
                2 => value.clone(),
                _ => return FieldKind::Other,
            },
        };
        match kind {
            RuntimeType::String => FieldKind::Text,
            RuntimeType::Message(message) => FieldKind::Message(Shape::Message(message)),
            _ => FieldKind::Other,
        }
    }
}

fn copy(
    start: usize,
    message: &[u8],
    shape: &Shape,
    depth: usize,
    repaired: &mut Vec<u8>,
) -> WireResult<()> {
    let mut reader = WireReader::new(start, message);
    if depth > MOST_NESTED {
        return Err(Malformed::new(
            "messages are nested too deeply",
            reader.position(),
        ));
    }
    let level = match shape {
        Shape::Message(_) if depth == 0 => Level::Response,
        Shape::Message(_) => Level::Time,
        Shape::Entry(..) => Level::Entry,
    };
    loop {
        let at = reader.position();
        let Some(tag) = reader.tag()? else {
            return Ok(());
        };
        let part = if tag & 7 == 2 {
            shape.kind(tag >> 3)
        } else {
            FieldKind::Other
        };
        match part {
            FieldKind::Text => {
                let (_, text) = reader.bytes()?;
                put_bytes(repaired, tag, String::from_utf8_lossy(text).as_bytes());
            }
            FieldKind::Message(shape) => {
                let length = reader.varint64()?;
                let (start, inner) = reader.message(length)?;
                let mut copied = Vec::with_capacity(inner.len());
                copy(start, inner, &shape, depth + 1, &mut copied)?;
                put_bytes(repaired, tag, &copied);
            }
            FieldKind::Other => {
                // A group may end with the map entry that it is in: without it, the entry is the same.
                if !matches!(reader.value(tag, level)?, Value::Group) {
                    let field = message.get(at - start..reader.position() - start);
                    repaired.extend_from_slice(field.unwrap_or_default());
                }
            }
        }
    }
}
