//! Protobuf's JSON mapping for messages that are known only at run time.

use std::collections::BTreeMap;

use protobuf::reflect::{
    FieldDescriptor, ReflectFieldRef, ReflectRepeatedRef, ReflectValueRef, Syntax,
};
use protobuf::MessageDyn;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::time;
use super::unknown::{base64, Unknown};

/// The message in the canonical proto3 JSON mapping, with the additions of [`Proto`](super::Proto).
///
/// Of the well-known types, `Any` and `FieldMask` are written like any other message.
pub(crate) struct Reflected<'a>(pub(crate) &'a dyn MessageDyn);

impl Serialize for Reflected<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.0;
        let descriptor = message.descriptor_dyn();
        match descriptor.full_name().strip_prefix("google.protobuf.") {
            Some("Timestamp") => {
                let (seconds, nanos) = seconds_and_nanos(message);
                return serializer.serialize_str(&time::proto(seconds, nanos));
            }
            Some("Duration") => {
                return serializer.serialize_str(&duration(seconds_and_nanos(message)));
            }
            // Written as the one thing that they hold.
            Some(
                "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
                | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" | "Struct"
                | "ListValue",
            ) => {
                if let Some(field) = descriptor.field_by_number(1) {
                    return match field.get_reflect(message) {
                        ReflectFieldRef::Optional(value) => match value.value() {
                            Some(value) => ReflectedValue(value).serialize(serializer),
                            None => {
                                ReflectedValue(field.singular_default_value()).serialize(serializer)
                            }
                        },
                        several => Field(&several).serialize(serializer),
                    };
                }
            }
            Some("Value") => {
                let set = descriptor.fields().find(|field| field.has_field(message));
                return match set {
                    Some(field) => Field(&field.get_reflect(message)).serialize(serializer),
                    None => serializer.serialize_unit(),
                };
            }
            _ => {}
        }
        let mut map = serializer.serialize_map(None)?;
        for field in descriptor.fields() {
            let value = field.get_reflect(message);
            if is_present(&field, &value) {
                map.serialize_entry(field.json_name(), &Field(&value))?;
            }
        }
        Unknown::of(message.special_fields_dyn().unknown_fields().iter()).put(&mut map)?;
        map.end()
    }
}

/// Whether the mapping writes it: for a field without presence, zero is the same as absent.
fn is_present(field: &FieldDescriptor, value: &ReflectFieldRef<'_>) -> bool {
    match value {
        ReflectFieldRef::Repeated(values) => !values.is_empty(),
        ReflectFieldRef::Map(map) => !map.is_empty(),
        ReflectFieldRef::Optional(value) => match value.value() {
            None => false,
            Some(value) => {
                let proto = field.proto();
                let implicit = field.containing_message().file_descriptor().syntax()
                    == Syntax::Proto3
                    && !proto.has_oneof_index();
                !(implicit && is_zero(&value))
            }
        },
    }
}

fn is_zero(value: &ReflectValueRef<'_>) -> bool {
    match value {
        ReflectValueRef::U32(value) => *value == 0,
        ReflectValueRef::U64(value) => *value == 0,
        ReflectValueRef::I32(value) => *value == 0,
        ReflectValueRef::I64(value) => *value == 0,
        // A negative zero is sent.
        ReflectValueRef::F32(value) => value.to_bits() == 0,
        ReflectValueRef::F64(value) => value.to_bits() == 0,
        ReflectValueRef::Bool(value) => !value,
        ReflectValueRef::String(value) => value.is_empty(),
        ReflectValueRef::Bytes(value) => value.is_empty(),
        ReflectValueRef::Enum(_, value) => *value == 0,
        ReflectValueRef::Message(_) => false,
    }
}

struct Field<'a>(&'a ReflectFieldRef<'a>);

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ReflectFieldRef::Optional(value) => match value.value() {
                Some(value) => ReflectedValue(value).serialize(serializer),
                None => serializer.serialize_unit(),
            },
            ReflectFieldRef::Repeated(values) => {
                serializer.collect_seq(elements(values).map(ReflectedValue))
            }
            ReflectFieldRef::Map(map) => {
                // Sorted, because the map's own order differs from run to run.
                let sorted: BTreeMap<String, ReflectedValue<'_>> = map
                    .into_iter()
                    .map(|(key, value)| (key.to_string(), ReflectedValue(value)))
                    .collect();
                sorted.serialize(serializer)
            }
        }
    }
}

fn elements<'a>(values: &'a ReflectRepeatedRef<'a>) -> impl Iterator<Item = ReflectValueRef<'a>> {
    (0..values.len()).map(|place| values.get(place))
}

struct ReflectedValue<'a>(ReflectValueRef<'a>);

impl Serialize for ReflectedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            ReflectValueRef::U32(value) => serializer.serialize_u32(*value),
            ReflectValueRef::I32(value) => serializer.serialize_i32(*value),
            // JSON's numbers lose digits beyond 53 bits.
            ReflectValueRef::U64(value) => serializer.collect_str(value),
            ReflectValueRef::I64(value) => serializer.collect_str(value),
            ReflectValueRef::F32(value) => match infinite(f64::from(*value)) {
                Some(name) => serializer.serialize_str(name),
                None => serializer.serialize_f32(*value),
            },
            ReflectValueRef::F64(value) => match infinite(*value) {
                Some(name) => serializer.serialize_str(name),
                None => serializer.serialize_f64(*value),
            },
            ReflectValueRef::Bool(value) => serializer.serialize_bool(*value),
            ReflectValueRef::String(value) => serializer.serialize_str(value),
            ReflectValueRef::Bytes(value) => serializer.collect_str(&base64(value)),
            ReflectValueRef::Enum(kind, _) if kind.full_name() == "google.protobuf.NullValue" => {
                serializer.serialize_unit()
            }
            // The first of several names, which value_by_number does not give.
            ReflectValueRef::Enum(kind, number) => {
                match kind.values().find(|v| v.value() == *number) {
                    Some(value) => serializer.serialize_str(value.name()),
                    None => serializer.serialize_i32(*number),
                }
            }
            ReflectValueRef::Message(message) => Reflected(&**message).serialize(serializer),
        }
    }
}

fn infinite(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("Infinity")
    } else if value == f64::NEG_INFINITY {
        Some("-Infinity")
    } else {
        None
    }
}

/// The fields 1 and 2 of a Timestamp or Duration.
fn seconds_and_nanos(message: &dyn MessageDyn) -> (i64, i32) {
    let number = |number| {
        let field = message.descriptor_dyn().field_by_number(number)?;
        match field.get_reflect(message) {
            ReflectFieldRef::Optional(value) => match value.value()? {
                ReflectValueRef::I64(value) => Some(value),
                ReflectValueRef::I32(value) => Some(value.into()),
                _ => None,
            },
            _ => None,
        }
    };
    let nanos = number(2).and_then(|nanos| i32::try_from(nanos).ok());
    (number(1).unwrap_or_default(), nanos.unwrap_or_default())
}

fn duration((seconds, nanos): (i64, i32)) -> String {
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (seconds.unsigned_abs(), nanos.unsigned_abs());
    match nanos {
        0 => format!("{sign}{seconds}s"),
        _ if nanos % 1_000_000 == 0 => format!("{sign}{seconds}.{:03}s", nanos / 1_000_000),
        _ if nanos % 1000 == 0 => format!("{sign}{seconds}.{:06}s", nanos / 1000),
        _ => format!("{sign}{seconds}.{nanos:09}s"),
    }
}
