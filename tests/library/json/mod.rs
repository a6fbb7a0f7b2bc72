//! The three JSON forms, against what Falco itself wrote.

use falco_client::api::outputs::Response;
use falco_client::{Alert, Priority};
use protobuf::Message;
use serde_json::Value;

mod fields;
mod forged;
mod read;

fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/recordings/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn recorded(name: &str) -> Vec<Alert> {
    let file = file(&format!("{name}.pb"));
    let mut input = protobuf::CodedInputStream::from_bytes(&file);
    let mut alerts = Vec::new();
    while !input.eof().unwrap() {
        alerts.push(Alert::from_bytes(input.read_bytes().unwrap()).unwrap());
    }
    alerts
}

/// The alerts of a Falco with json_output, each with the line that it wrote to its file.
fn recorded_with_lines() -> Vec<(Alert, String)> {
    let names = [
        "dummy_json",
        "internal",
        "replay_falco-cat_write",
        "replay_libs-sample",
    ];
    names
        .into_iter()
        .flat_map(|name| {
            let lines = String::from_utf8(file(&format!("{name}.jsonl"))).unwrap();
            let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
            let alerts = recorded(name);
            assert_eq!(alerts.len(), lines.len());
            alerts.into_iter().zip(lines)
        })
        .collect()
}

fn value(form: impl std::fmt::Display) -> Value {
    serde_json::from_str(&form.to_string()).unwrap()
}

/// With an output that is not the native line, so that the line is made of the message.
fn with_output(alert: &Alert, output: &str) -> Alert {
    let mut message = alert.to_message();
    message.output = output.to_owned();
    Alert::from(message)
}

#[test]
fn falcos_own_line_passes_byte_for_byte() {
    for (alert, line) in recorded_with_lines() {
        assert_eq!(alert.falco_json().to_string(), line);
        let mut bytes = Vec::new();
        alert.falco_json().write_to(&mut bytes).unwrap();
        assert_eq!(bytes, line.as_bytes());
        assert_eq!(serde_json::to_string(&alert.falco_json()).unwrap(), line);
        assert_eq!(
            serde_json::to_string(&[alert.falco_json()]).unwrap(),
            format!("[{line}]")
        );
        assert_eq!(
            serde_json::to_value(alert.falco_json()).unwrap(),
            value(line)
        );
    }
}

#[test]
fn the_line_made_of_the_message_says_what_falcos_own_says() {
    for (alert, line) in recorded_with_lines() {
        let falco = value(line);
        let built = value(with_output(&alert, "text").falco_json());
        for key in ["time", "rule", "priority", "source", "hostname", "tags"] {
            assert_eq!(built.get(key), falco.get(key), "{key}");
        }
        assert_eq!(built["output"], "text");
        let fields = built["output_fields"].as_object().unwrap();
        assert!(fields.len() - alert.fields().len() <= 1);
        for time in ["evt.time", "evt.time.iso8601"] {
            let own = falco["output_fields"].get(time);
            assert!(
                own.is_none() || fields.get(time) == own,
                "{time} in {falco} and {built}"
            );
        }
    }
}

#[test]
fn keys_are_in_falcos_order_and_empty_ones_are_there() {
    let alert = Alert::builder()
        .without_time()
        .priority(Priority::Unknown(9))
        .build();
    let line =
        r#"{"hostname":"","output":"","output_fields":{"evt.time":0},"priority":"9","rule":"","#;
    let rest = r#""source":"syscall","tags":[],"time":"1970-01-01T00:00:00.000000000Z"}"#;
    assert_eq!(alert.falco_json().to_string(), format!("{line}{rest}"));
    let internal = Alert::builder().source("internal").build();
    assert_eq!(value(internal.falco_json()).get("tags"), None);
}

#[test]
fn falcosidekick_takes_what_is_made_of_an_alert_without_fields() {
    let time = std::time::Duration::new(1_795_600_769, 1);
    let alert = Alert::builder()
        .time(std::time::UNIX_EPOCH + time)
        .rule("No field in the output")
        .output("Somebody is root");
    let fields = |alert: &Alert| value(alert.falco_json())["output_fields"].clone();
    let expected = serde_json::json!({"evt.time": 1_795_600_769_000_000_001_i64});
    assert_eq!(fields(&alert.build()), expected);
    let text = alert.field("evt.time", "09:59:29.000000001");
    assert_eq!(fields(&text.build()), expected);
}

#[test]
fn a_line_that_falcosidekick_has_enriched_is_not_wrapped_in_itself() {
    for (alert, line) in recorded_with_lines() {
        let mut enriched = value(line);
        enriched["uuid"] = "0f8fad5b-d9cb-469f-a165-70867728950e".into();
        enriched["customfields"] = serde_json::json!({"cluster": "east"});
        let passed = with_output(&alert, &enriched.to_string());
        assert_eq!(passed.falco_json().to_string(), enriched.to_string());
        // Keys and fields that only that program knows.
        enriched["severity"] = 4.into();
        enriched["output_fields"]["cluster"] = "east".into();
        let made = value(with_output(&alert, &enriched.to_string()).falco_json());
        assert_eq!(made["output"], enriched["output"]);
        assert_eq!(made["rule"], alert.rule());
        assert_eq!(made.get("severity"), None);
    }
}

#[test]
fn go_is_the_shape_of_the_first_go_clients_example() {
    let alert = Alert::builder()
        .time(std::time::UNIX_EPOCH + std::time::Duration::new(1570094449, 259268899))
        .priority(Priority::Warning)
        .rule("Change thread namespace")
        .output("a \"b\"\n\u{1}\u{7f}")
        .field("proc.name", "sh")
        .hostname("host")
        .tag("x")
        .source("syscall")
        .build();
    assert_eq!(
        alert.go_json().to_string(),
        concat!(
            r#"{"time":{"seconds":1570094449,"nanos":259268899},"priority":4,"#,
            r#""rule":"Change thread namespace","output":"a \"b\"\n\u0001"#,
            "\u{7f}",
            r#"","output_fields":{"proc.name":"sh"},"#,
            r#""hostname":"host","tags":["x"],"source":"syscall"}"#
        )
    );
    assert_eq!(
        Alert::builder()
            .without_time()
            .build()
            .go_json()
            .to_string(),
        r#"{"time":{"seconds":0,"nanos":0},"priority":0,"rule":"","output":"","output_fields":{}}"#
    );
    // From a Falco before 0.32.
    assert_eq!(
        value(Alert::from_bytes([0x18, 1]).unwrap().go_json())["source"],
        "k8s_audit"
    );
}

#[test]
fn proto_is_the_canonical_mapping() {
    let alert = Alert::builder()
        .time(std::time::UNIX_EPOCH + std::time::Duration::from_millis(1500))
        .priority(Priority::Informational)
        .rule("r")
        .field("a", "b")
        .tag("t")
        .source("okta")
        .build();
    assert_eq!(
        alert.proto_json().to_string(),
        concat!(
            r#"{"time":"1970-01-01T00:00:01.500Z","priority":"INFORMATIONAL","#,
            r#""sourceDeprecated":"PLUGIN","rule":"r","outputFields":{"a":"b"},"#,
            r#""tags":["t"],"source":"okta"}"#
        )
    );
    assert_eq!(
        Alert::builder()
            .without_time()
            .build()
            .proto_json()
            .to_string(),
        "{}"
    );
    assert_eq!(
        Alert::from_bytes([0x0a, 0])
            .unwrap()
            .proto_json()
            .to_string(),
        r#"{"time":"1970-01-01T00:00:00Z"}"#
    );
}

#[test]
fn what_a_newer_falco_sends_survives() {
    let mut message = Response::new();
    message.priority = protobuf::EnumOrUnknown::from_i32(12);
    message.source_deprecated = protobuf::EnumOrUnknown::from_i32(-1);
    let unknown = message.special_fields.mut_unknown_fields();
    unknown.add_varint(77, u64::MAX);
    unknown.add_length_delimited(20, b"new field".to_vec());
    unknown.add_fixed32(21, 7);
    unknown.add_fixed64(22, 8);
    unknown.add_varint(77, 1);
    let bytes = message.write_to_bytes().unwrap();
    let alert = Alert::from_bytes(bytes.clone()).unwrap();
    assert_eq!(alert.as_bytes(), bytes);
    assert_eq!(alert.to_message(), message);
    assert_eq!(
        alert.proto_json().to_string(),
        concat!(
            r#"{"priority":12,"sourceDeprecated":-1,"20":"bmV3IGZpZWxk","21":7,"22":"8","#,
            r#""77":["18446744073709551615","1"]}"#
        )
    );

    // Also where a text had to be repaired.
    let repaired = Alert::from_bytes([&bytes[..], b"\x22\x02a\xff"].concat()).unwrap();
    message.rule = "a\u{fffd}".to_owned();
    assert_eq!(repaired.to_message(), message);
}
