//! Descriptors whose fields are not those of Falco.

use falco_client::dynamic::Descriptor;
use falco_client::Error;
use protobuf::descriptor::field_descriptor_proto::{Label, Type};
use protobuf::descriptor::{FieldDescriptorProto, FileDescriptorProto};
use protobuf::Message;

use super::{alert, set, value, PROTO};

#[test]
fn known_fields_are_what_falco_sends() {
    let whole = set(&[PROTO], &format!("{PROTO}/outputs.proto"));
    let changed = |change: &dyn Fn(&mut Vec<FieldDescriptorProto>, &mut FileDescriptorProto)| {
        let mut set = whole.clone();
        for file in &mut set.file {
            if file.name() == "outputs.proto" {
                let mut fields = std::mem::take(&mut file.message_type[1].field);
                change(&mut fields, file);
                file.message_type[1].field = fields;
            }
        }
        Descriptor::from_set(&set.write_to_bytes().unwrap())
    };
    type Change = Box<dyn Fn(&mut Vec<FieldDescriptorProto>, &mut FileDescriptorProto)>;
    fn kind(place: usize, kind: Type) -> Change {
        Box::new(move |fields, _| {
            fields[place].set_type(kind);
            fields[place].clear_type_name();
        })
    }
    fn label(place: usize, label: Label) -> Change {
        Box::new(move |fields, file| {
            fields[place].set_label(label);
            if label == Label::LABEL_REQUIRED {
                file.clear_syntax();
            }
        })
    }
    let of_type = |place: usize, name: &'static str| -> Change {
        Box::new(move |fields, _| fields[place].set_type_name(name.to_owned()))
    };
    for (change, says) in [
        (
            kind(0, Type::TYPE_INT64),
            "time = 1 is int64, and Falco sends google.protobuf.Timestamp",
        ),
        (
            of_type(0, ".falco.outputs.request"),
            "time = 1 is falco.outputs.request, and",
        ),
        (
            kind(1, Type::TYPE_INT32),
            "priority = 2 is int32, and Falco sends enum",
        ),
        (
            kind(2, Type::TYPE_STRING),
            "source_deprecated = 3 is string, and Falco sends enum",
        ),
        (
            kind(3, Type::TYPE_BYTES),
            "rule = 4 is bytes, and Falco sends string",
        ),
        (kind(4, Type::TYPE_FIXED64), "output = 5 is fixed64, and"),
        (
            kind(5, Type::TYPE_STRING),
            "= 6 is repeated string, and Falco sends map<string, string>",
        ),
        (
            label(3, Label::LABEL_REPEATED),
            "rule = 4 is repeated string, and Falco sends string",
        ),
        (
            label(4, Label::LABEL_REQUIRED),
            "output = 5 is required string, and",
        ),
        (
            label(7, Label::LABEL_OPTIONAL),
            "tags = 8 is string, and Falco sends repeated string",
        ),
        (
            Box::new(|_, file| {
                file.message_type[1].nested_type[0].field[1].set_type(Type::TYPE_INT32);
            }),
            "output_fields = 6 is map<",
        ),
        (
            Box::new(|fields, file| {
                file.message_type[1].oneof_decl.push(Default::default());
                file.message_type[1].oneof_decl[0].set_name("either".to_owned());
                fields[3].set_oneof_index(0);
            }),
            "rule = 4 is string in a oneof, and Falco sends string",
        ),
        (
            Box::new(|fields, _| fields[8].clear_number()),
            "source has no number",
        ),
        (
            Box::new(|fields, _| fields[8].set_number(-9)),
            "source has no number",
        ),
    ] as [(Change, &str); 14]
    {
        let error = changed(&*change).unwrap_err();
        assert!(matches!(error, Error::Descriptor { .. }));
        let error = error.to_string();
        assert!(error.contains(says), "{error}");
        assert!(
            error.contains("the FileDescriptorSet: its field falco.outputs.response."),
            "{error}"
        );
    }

    let renamed = changed(&|fields, _| {
        for field in fields.iter_mut() {
            field.set_name(format!("{}_too", field.name()));
            field.clear_json_name();
        }
    });
    assert_eq!(
        value(&renamed.unwrap().json(&alert()).unwrap())["ruleToo"],
        "a \"rule\"\n"
    );
    // Falco 0.18 had no more.
    let fewer = changed(&|fields, _| fields.truncate(6)).unwrap();
    assert!(fewer.json(&alert()).is_ok());
}

#[test]
fn the_time_is_a_timestamp_also_within() {
    let mut set = set(&[PROTO], &format!("{PROTO}/outputs.proto"));
    for file in &mut set.file {
        if file.name().ends_with("timestamp.proto") {
            file.message_type[0].field[0].set_type(Type::TYPE_STRING);
        }
    }
    let error = Descriptor::from_set(&set.write_to_bytes().unwrap()).unwrap_err();
    let says = "google.protobuf.Timestamp.seconds = 1 is string, and Falco sends int64";
    assert!(error.to_string().contains(says), "{error}");
}
