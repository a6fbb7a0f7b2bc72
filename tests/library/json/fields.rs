//! Each field that proto/ gives the message is read, built, and in every form: a field that is added there fails here until
//! it is.

use falco_client::api::outputs::Response;
use falco_client::{Alert, Priority};
use protobuf::reflect::{FieldDescriptor, ReflectValueBox, RuntimeFieldType, RuntimeType};
use protobuf::MessageFull;
use serde_json::{json, Value};

use super::{value, with_output};

/// Those that are no text, and have tests of their own.
const OTHERS: [&str; 4] = ["time", "priority", "source_deprecated", "output_fields"];

/// A message with a text in each field, and the texts as JSON has them.
fn filled() -> (Response, Vec<(FieldDescriptor, Value)>) {
    let mut message = Response::new();
    message.time.mut_or_insert_default().seconds = 1_795_365_767;
    message.priority = falco_client::api::schema::Priority::NOTICE.into();
    let mut texts = Vec::new();
    for field in Response::descriptor().fields() {
        let text = format!("this is {}", field.name());
        let boxed = ReflectValueBox::String(text.clone());
        match field.runtime_field_type() {
            _ if OTHERS.contains(&field.name()) => continue,
            RuntimeFieldType::Singular(RuntimeType::String) => {
                field.set_singular_field(&mut message, boxed);
                texts.push((field, json!(text)));
            }
            RuntimeFieldType::Repeated(RuntimeType::String) => {
                field.mut_repeated(&mut message).push(boxed);
                texts.push((field, json!([text])));
            }
            _ => panic!("{} is no text, and needs a case here", field.name()),
        }
    }
    (message, texts)
}

#[test]
fn each_field_of_the_message_is_in_every_form() {
    let (message, texts) = filled();
    let alert = Alert::from(&message);
    assert_eq!(alert.priority(), Priority::Notice);
    assert_eq!(alert.to_message(), message);
    let (go, falco) = (value(alert.go_json()), value(alert.falco_json()));
    let proto = value(alert.proto_json());
    let debug = format!("{alert:?}");
    for (field, expected) in &texts {
        let name = field.name();
        assert_eq!(&go[name], expected, "go_json, {name}");
        assert_eq!(&falco[name], expected, "falco_json, {name}");
        assert_eq!(&proto[field.json_name()], expected, "proto_json, {name}");
        let text = format!("\"this is {name}\"");
        assert!(debug.contains(&text), "Debug, {name}: {debug}");
    }
}

#[test]
fn each_field_of_the_message_is_read_from_json() {
    let (message, texts) = filled();
    let line = Alert::from(&message).falco_json().to_string();
    let read = Alert::from_json(&line).unwrap().to_message();
    for (field, expected) in &texts {
        let name = field.name();
        let found = match field.is_repeated() {
            true => {
                let texts = field.get_repeated(&read).into_iter();
                json!(texts
                    .map(|text| text.to_str().unwrap().to_owned())
                    .collect::<Vec<_>>())
            }
            false => json!(field.get_singular_field_or_default(&read).to_str().unwrap()),
        };
        assert_eq!(&found, expected, "from_json, {name}");
    }
}

#[test]
fn falcos_line_passes_only_if_each_field_is_the_messages() {
    let (message, texts) = filled();
    let alert = Alert::from(&message);
    let line = alert.falco_json().to_string();
    let passed = with_output(&alert, &line);
    assert_eq!(passed.falco_json().to_string(), line);
    // The line has the only copy of the output itself.
    for (field, _) in texts.iter().filter(|(field, _)| field.name() != "output") {
        let name = field.name();
        let forged = line.replace(&format!("this is {name}"), "forged");
        assert_ne!(forged, line);
        let refused = with_output(&alert, &forged).falco_json().to_string();
        assert_ne!(refused, forged, "{name}");
    }
}
