//! Descriptors from `.proto` text.

use std::path::PathBuf;

use falco_client::dynamic::Descriptor;
use falco_client::Error;
use protobuf::{Message, UnknownValue};
use serde_json::{json, Value};

use super::{alert, value, with_unknown, PROTO};

/// A folder with Falco's outputs.proto as a newer Falco might have it, and nothing else.
fn newer_falco(fields: &str, more: &str) -> (tempfile::TempDir, PathBuf) {
    let text = std::fs::read_to_string(format!("{PROTO}/outputs.proto")).unwrap();
    let (head, tail) = text.split_once("  string source = 9;\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outputs.proto");
    std::fs::write(
        &path,
        format!("{head}  string source = 9;\n{fields}{tail}\n{more}"),
    )
    .unwrap();
    (folder, path)
}

#[test]
fn a_lone_outputs_proto_is_enough() {
    let (_folder, path) = newer_falco("", "");
    let descriptor = Descriptor::from_proto(&path).unwrap();
    assert_eq!(
        descriptor.json(&alert()).unwrap(),
        concat!(
            r#"{"time":"1970-01-01T00:00:07.000000005Z","priority":"NOTICE","#,
            r#""sourceDeprecated":"PLUGIN","rule":"a \"rule\"\n","#,
            r#""outputFields":{"a":"1","b":"2"},"tags":["t"],"source":"okta"}"#
        )
    );
}

#[test]
fn fields_of_a_newer_falco_show_under_their_names() {
    let (_folder, path) = newer_falco(
        "string cluster_name = 10; repeated sint32 scores = 11; node on = 12; bytes raw = 13;
         double load = 14; uint64 big = 15; map<int32, node> by = 16; optional bool sure = 17;
         google.protobuf.Timestamp again = 18; bool unset = 19; level how = 20;
         oneof either { string this = 21; string that = 22; }",
        "message node { string name = 1; node next = 2; }
         enum level { LOW = 0; HIGH = 1; }",
    );
    let text = |bytes: &[u8]| UnknownValue::LengthDelimited(bytes.to_vec());
    let alert = with_unknown([
        (10, text(b"prod \xff")),
        (11, text(&[1, 2, 3])),
        (12, text(b"\x0a\x01n\x12\x03\x0a\x01m")),
        (13, text(b"\xff\x00")),
        (14, UnknownValue::Fixed64(f64::NAN.to_bits())),
        (15, UnknownValue::Varint(u64::MAX)),
        (16, text(b"\x08\x05\x12\x03\x0a\x01\xfe")),
        (17, UnknownValue::Varint(0)),
        (
            18,
            text(&[
                0x10, 0x80, 0x80, 0x80, 0x80, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x01,
            ]),
        ),
        (19, UnknownValue::Varint(0)),
        (20, UnknownValue::Varint(9)),
        (22, text(b"")),
        (99, UnknownValue::Varint(1)),
    ]);
    let descriptor = Descriptor::from_proto(&path).unwrap();
    let json = value(&descriptor.json(&alert).unwrap());
    for (name, expected) in [
        ("clusterName", json!("prod \u{fffd}")),
        ("scores", json!([-1, 1, -2])),
        ("on", json!({"name": "n", "next": {"name": "m"}})),
        ("raw", json!("/wA=")),
        ("load", json!("NaN")),
        ("big", json!("18446744073709551615")),
        ("by", json!({"5": {"name": "\u{fffd}"}})),
        ("sure", json!(false)),
        ("again", json!("1969-12-31T23:59:57.852516352Z")),
        ("how", json!(9)),
        ("that", json!("")),
        ("99", json!("1")),
        ("rule", json!("a \"rule\"\n")),
    ] {
        assert_eq!(json[name], expected, "{name}");
    }
    assert_eq!(json.get("unset"), None);
    assert_eq!(json.get("this"), None);
}

#[test]
fn well_known_types_have_their_own_shape() {
    let (_folder, path) = newer_falco(
        "google.protobuf.Duration took = 10; google.protobuf.Struct any = 11;
         google.protobuf.Int64Value many = 12; google.protobuf.Value nothing = 13;",
        "import \"google/protobuf/duration.proto\"; import \"google/protobuf/struct.proto\";
         import \"google/protobuf/wrappers.proto\";",
    );
    let text = |bytes: &[u8]| UnknownValue::LengthDelimited(bytes.to_vec());
    let alert = with_unknown([
        (10, text(b"\x08\x03\x10\xc0\x84\x3d")),
        // {"k": [true, null]}
        (
            11,
            text(b"\x0a\x0f\x0a\x01k\x12\x0a\x32\x08\x0a\x02\x20\x01\x0a\x02\x08\x00"),
        ),
        (12, text(b"")),
        (13, text(b"")),
    ]);
    let descriptor = Descriptor::from_proto(&path).unwrap();
    let json = value(&descriptor.json(&alert).unwrap());
    assert_eq!(json["took"], "3.001s");
    assert_eq!(json["any"], json!({"k": [true, null]}));
    assert_eq!(json["many"], "0");
    assert_eq!(json["nothing"], Value::Null);
}

#[test]
fn hostile_depth_and_contradictions_are_errors() {
    let (_folder, path) = newer_falco(
        "node on = 12; string text = 13;",
        "message node { node next = 1; }",
    );
    let descriptor = Descriptor::from_proto(&path).unwrap();
    let mut deep = Vec::new();
    for _ in 0..20_000 {
        let mut outer = vec![0x0a];
        let mut output = protobuf::CodedOutputStream::vec(&mut outer);
        output.write_bytes_no_tag(&deep).unwrap();
        drop(output);
        deep = outer;
    }
    for contradicting in [
        (12, UnknownValue::LengthDelimited(deep)),
        (12, UnknownValue::LengthDelimited(vec![0x0f])),
        (13, UnknownValue::Varint(3)),
    ] {
        let alert = with_unknown([contradicting]);
        let error = descriptor.json(&alert).unwrap_err();
        assert!(
            error.to_string().contains("message falco.outputs.response"),
            "{error}"
        );
        assert!(descriptor.decode(&alert).is_err());
    }
    assert!(descriptor.json(&alert()).is_ok());
}

#[test]
fn a_proto_file_that_cannot_be_used_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.proto");
    let nested = format!("{}{}", "message a {".repeat(100_000), "}".repeat(100_000));
    for (text, says) in [
        (
            "syntax = \"proto3\"; package falco.outputs; message request {}",
            "no message",
        ),
        ("", "no message"),
        ("syntax = \"proto3\";\nmessage response { string = }", "2:"),
        ("no proto at all", "does not parse"),
        (
            "syntax = \"proto3\"; message response { nobody knows = 1; }",
            "nobody",
        ),
        (
            "syntax = \"proto3\"; import \"elsewhere.proto\";",
            "elsewhere.proto",
        ),
        (
            "syntax = \"proto3\"; import \"my.proto\";",
            "my.proto imports itself",
        ),
        ("syntax = \"proto3\"; import \"../my.proto\";", "my.proto"),
        (&nested, "nested too deeply"),
        ("\0\u{1}\u{fffd}", "does not parse"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Descriptor::from_proto(&path).unwrap_err();
        assert!(matches!(error, Error::Descriptor { .. }));
        let error = error.to_string();
        assert!(error.contains(says), "{error}");
        assert!(error.contains("my.proto: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    std::fs::write(&path, b"\xff\xfe").unwrap();
    assert!(Descriptor::from_proto(&path)
        .unwrap_err()
        .to_string()
        .contains("UTF-8"));
    for missing in [
        folder.path().to_owned(),
        folder.path().join("none.proto"),
        "".into(),
    ] {
        let error = Descriptor::from_proto(&missing).unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
}

#[test]
fn an_endless_import_is_refused() {
    let (folder, path) = newer_falco("", "import \"endless.proto\";");
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless.proto")).unwrap();
    let error = Descriptor::from_proto(&path).unwrap_err().to_string();
    assert!(error.contains("endless.proto: "), "{error}");
    assert!(error.contains("16 MiB"), "{error}");
}

#[test]
fn a_set_in_a_file_that_should_be_text_is_named() {
    let set = super::set(&[PROTO], &format!("{PROTO}/outputs.proto"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.proto");
    std::fs::write(&path, set.write_to_bytes().unwrap()).unwrap();
    let error = Descriptor::from_proto(&path).unwrap_err().to_string();
    assert!(error.contains("it is a FileDescriptorSet"), "{error}");
    // No other text is taken for one.
    std::fs::write(&path, "\n\n\n").unwrap();
    let error = Descriptor::from_proto(&path).unwrap_err().to_string();
    assert!(error.contains("no message"), "{error}");
}
