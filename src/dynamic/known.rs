//! Whether a descriptor's known fields are those that Falco sends.

use protobuf::reflect::{FieldDescriptor, MessageDescriptor, RuntimeFieldType, RuntimeType};

/// What Falco sends under the numbers 1 to 9. Their names differ from Falco to Falco.
const RESPONSE: [&str; 9] = [
    TIMESTAMP,
    "enum",
    "enum",
    "string",
    "string",
    "map<string, string>",
    "string",
    "repeated string",
    "string",
];
const TIMESTAMP: &str = "google.protobuf.Timestamp";
const TIME: [&str; 2] = ["int64", "int32"];

/// Says what is wrong with the message of the alerts. A field that is not there at all is not wrong:
/// an old Falco has fewer, and what a newer one sends is kept as unknown.
pub(super) fn check(message: &MessageDescriptor) -> Result<(), String> {
    check_fields(message, &RESPONSE)
}

fn check_fields(message: &MessageDescriptor, sent: &[&str]) -> Result<(), String> {
    for field in message.fields() {
        let number = field.proto().number();
        let Ok(place @ 1..) = usize::try_from(number) else {
            return Err(format!("its field {field} has no number"));
        };
        let Some(&sent) = sent.get(place - 1) else {
            continue;
        };
        let described = describe(&field);
        if described != sent {
            return Err(format!(
                "its field {field} = {number} is {described}, and Falco sends {sent}"
            ));
        }
        if let RuntimeFieldType::Singular(RuntimeType::Message(time)) = field.runtime_field_type() {
            check_fields(&time, &TIME)?;
        }
    }
    Ok(())
}

/// As a `.proto` file would have it, but that all enums are the same.
fn describe(field: &FieldDescriptor) -> String {
    let name = |kind: &RuntimeType| match kind {
        RuntimeType::Enum(_) => "enum".to_owned(),
        RuntimeType::Message(message) => message.full_name().to_owned(),
        RuntimeType::String => "string".to_owned(),
        // It has one type for the three encodings of an integer.
        _ => format!("{:?}", field.proto().type_())
            .trim_start_matches("TYPE_")
            .to_lowercase(),
    };
    match field.runtime_field_type() {
        RuntimeFieldType::Singular(kind) if field.containing_oneof().is_some() => {
            format!("{} in a oneof", name(&kind))
        }
        // An alert that lacks it would not decode.
        RuntimeFieldType::Singular(kind) if field.is_required() => {
            format!("required {}", name(&kind))
        }
        RuntimeFieldType::Singular(kind) => name(&kind),
        RuntimeFieldType::Repeated(kind) => format!("repeated {}", name(&kind)),
        RuntimeFieldType::Map(RuntimeType::String, RuntimeType::String) => {
            "map<string, string>".to_owned()
        }
        RuntimeFieldType::Map(key, value) => format!("map<{key}, {value}>"),
    }
}
