//! Descriptors given at run time.

use falco_client::dynamic::Descriptor;
use falco_client::{Alert, Error, Priority};
use protobuf::descriptor::FileDescriptorSet;
use protobuf::{Message, UnknownValue};
use serde_json::Value;

mod known;
mod text;

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");

fn set(includes: &[&str], input: &str) -> FileDescriptorSet {
    let parsed = protobuf_parse::Parser::new()
        .pure()
        .includes(includes)
        .input(input)
        .parse_and_typecheck()
        .unwrap();
    let mut set = FileDescriptorSet::new();
    set.file = parsed.file_descriptors;
    set
}

fn alert() -> Alert {
    Alert::builder()
        .time(std::time::UNIX_EPOCH + std::time::Duration::new(7, 5))
        .priority(Priority::Notice)
        .rule("a \"rule\"\n")
        .field("b", "2")
        .field("a", "1")
        .tag("t")
        .source("okta")
        .build()
}

fn with_unknown(values: impl IntoIterator<Item = (u32, UnknownValue)>) -> Alert {
    let mut message = alert().to_message();
    for (number, value) in values {
        message
            .special_fields
            .mut_unknown_fields()
            .add_value(number, value);
    }
    Alert::from(message)
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn our_own_descriptor_gives_the_proto_form() {
    let whole = set(&[PROTO], &format!("{PROTO}/outputs.proto"));
    let mut lone = whole.clone();
    lone.file.retain(|file| file.name() == "outputs.proto");
    let alerts = [
        alert(),
        Alert::builder().build(),
        with_unknown([
            (50, UnknownValue::Varint(1)),
            (50, UnknownValue::Fixed32(2)),
        ]),
        Alert::from_bytes(*b"\x22\x01\xff\x32\x06\x0a\x01\xfe\x12\x01\xff\x10\x63").unwrap(),
    ];
    for set in [whole, lone] {
        let descriptor = Descriptor::from_set(&set.write_to_bytes().unwrap()).unwrap();
        for alert in &alerts {
            assert_eq!(
                value(&descriptor.json(alert).unwrap()),
                value(&alert.proto_json().to_string())
            );
            let message = descriptor.decode(alert).unwrap();
            assert_eq!(
                message.descriptor_dyn().full_name(),
                "falco.outputs.response"
            );
        }
    }
}

#[test]
fn the_message_of_the_first_falcos_is_found() {
    let mut set = set(&[PROTO], &format!("{PROTO}/outputs.proto"));
    for file in &mut set.file {
        if file.name() == "outputs.proto" {
            file.set_package("falco.output".to_owned());
            file.service.clear();
            for field in &mut file.message_type[1].field {
                let name = field.type_name().replace("falco.outputs", "falco.output");
                if !name.is_empty() {
                    field.set_type_name(name);
                }
            }
        }
    }
    let descriptor = Descriptor::from_set(&set.write_to_bytes().unwrap()).unwrap();
    assert_eq!(
        value(&descriptor.json(&alert()).unwrap())["rule"],
        "a \"rule\"\n"
    );
}

#[test]
fn a_set_that_cannot_be_used_is_refused() {
    let whole = set(&[PROTO], &format!("{PROTO}/outputs.proto"));
    let mut schema_only = whole.clone();
    schema_only
        .file
        .retain(|file| file.name() == "schema.proto");
    let mut dangling = whole.clone();
    dangling.file[0]
        .dependency
        .push("elsewhere.proto".to_owned());
    let mut cycle = whole.clone();
    for file in &mut cycle.file {
        file.dependency.push("outputs.proto".to_owned());
    }
    let mut twice = whole.clone();
    twice.file.extend(whole.file.clone());
    let mut no_enum = whole.clone();
    for file in &mut no_enum.file {
        file.enum_type.clear();
    }
    for (set, says) in [
        (
            FileDescriptorSet::new(),
            "no message falco.outputs.response",
        ),
        (schema_only, "no message falco.outputs.response"),
        (dangling, "elsewhere.proto"),
        (cycle, "ycle"),
        (twice, "nique"),
        (no_enum, "enum not found"),
    ] {
        let error = Descriptor::from_set(&set.write_to_bytes().unwrap()).unwrap_err();
        assert!(matches!(error, Error::Descriptor { .. }));
        assert!(error.to_string().contains(says), "{error}");
    }
    for garbage in [&b"garbage"[..], b"\xff\xff\xff", b"syntax = \"proto3\";"] {
        let error = Descriptor::from_set(garbage).unwrap_err();
        assert!(
            error.to_string().contains("the FileDescriptorSet: "),
            "{error}"
        );
    }
}

/// No part of a descriptor that is cut or changed ends in a panic.
#[test]
fn a_broken_set_is_refused_or_used() {
    let bytes = set(&[PROTO], &format!("{PROTO}/outputs.proto"))
        .write_to_bytes()
        .unwrap();
    let alert = alert();
    let mut changed = bytes.clone();
    for place in (0..bytes.len()).step_by(3) {
        for byte in [0, bytes[place] ^ 1, bytes[place].wrapping_add(8), 0xff] {
            changed[place] = byte;
            if let Ok(descriptor) = Descriptor::from_set(&changed) {
                let _ = descriptor.json(&alert);
            }
        }
        changed[place] = bytes[place];
        let _ = Descriptor::from_set(&bytes[..place]);
    }
}
