//! Alerts read from Falco's JSON.

use falco_client::{Alert, Error, Priority};

use super::{recorded_with_lines, value};
use crate::invariants;

#[test]
fn a_json_line_reads_as_grpc_carries_the_alert() {
    for (alert, line) in recorded_with_lines() {
        let read = Alert::from_json(&line).unwrap();
        assert_eq!(read.output(), value(&line)["output"].as_str().unwrap());
        assert_eq!(
            (read.seconds(), read.nanos()),
            (alert.seconds(), alert.nanos())
        );
        assert_eq!(read.priority(), alert.priority());
        assert_eq!(
            (read.rule(), read.hostname()),
            (alert.rule(), alert.hostname())
        );
        assert_eq!(
            (read.source(), read.source_number()),
            (alert.source(), alert.source_number())
        );
        assert!(read.tags().eq(alert.tags()));
        for (name, value) in alert.fields() {
            // Times are text on gRPC and nanoseconds in the line.
            if !["evt.time", "evt.datetime", "evt.time.iso8601"].contains(&name) {
                assert_eq!(read.field(name), Some(value), "{name}");
            }
        }
        // Falco adds the event's time to the line's fields.
        for (name, _) in read.fields() {
            assert!(alert.field(name).is_some() || name == "evt.time", "{name}");
        }
    }
}

#[test]
fn values_become_the_strings_of_grpc() {
    let fields = r#"{"n":1795365767284336179,"f":1.50,"e":1e3,"m":-1,"t":true,"f2":false,
        "0":null,"l":["a",1,null,true,1.0],"l0":[],"ll":[["a"],{"b":1}],"o":{"a": 1},
        "s":"\u00e9\n\ud83d\ude00","empty":"","s":"last"}"#;
    let alert = Alert::from_json(&format!(r#"{{"output_fields":{fields}}}"#)).unwrap();
    let expected = [
        ("n", "1795365767284336179"),
        ("f", "1.50"),
        ("e", "1e3"),
        ("m", "-1"),
        ("t", "true"),
        ("f2", "false"),
        ("0", "<NA>"),
        ("l", "(a,1,<NA>,true,1.0)"),
        ("l0", "()"),
        ("ll", r#"(["a"],{"b":1})"#),
        ("o", r#"{"a": 1}"#),
        ("s", "last"),
        ("empty", ""),
    ];
    assert_eq!(alert.fields().collect::<Vec<_>>(), expected);
}

#[test]
fn a_line_may_lack_keys_and_have_others() {
    let alert = Alert::from_json(" {} \n").unwrap();
    assert!(alert.as_bytes().is_empty());
    let line = r#"{"uuid":{"a":[1]},"priority":"iNFO","tags":["\u0000"],"rule":null,"source":"x"}"#;
    for alert in [
        Alert::from_json(line).unwrap(),
        serde_json::from_slice(line.as_bytes()).unwrap(),
        serde_json::from_reader(line.as_bytes()).unwrap(),
        serde_json::from_value(value(line)).unwrap(),
    ] {
        assert_eq!(alert.priority(), Priority::Informational);
        assert_eq!((alert.source(), alert.source_number()), ("x", 3));
        assert_eq!(alert.tags().collect::<Vec<_>>(), ["\0"]);
    }
    let lines = r#"[{"rule":"a","output_fields":{"x":1.0}},{"rule":"b"}]"#;
    let alerts: Vec<Alert> = serde_json::from_str(lines).unwrap();
    assert_eq!(alerts[0].field("x"), Some("1.0"));
}

#[test]
fn what_is_no_alert_is_refused() {
    let deep = 1_000_000;
    for (line, says) in [
        ("", "EOF"),
        ("not json", "expected"),
        ("[]", "an alert, which is an object"),
        (
            r#"["host","out",{},"Debug","r","s",[],"t"]"#,
            "an alert, which is an object",
        ),
        ("{} {}", "trailing"),
        (r#"{"rule":1}"#, "expected a string"),
        (r#"{"output_fields":[1]}"#, "which are an object"),
        (r#"{"tags":"x"}"#, "sequence"),
        (r#"{"priority":"urgent"}"#, "\"urgent\""),
        (r#"{"time":"yesterday"}"#, "\"yesterday\""),
        (r#"{"rule":"a","rule":"b"}"#, "duplicate"),
        ("{\"rule\":\"a\nb\"}", "control character"),
        (r#"{"rule":"\ud800"}"#, "hex escape"),
        (
            &format!(r#"{{"output_fields":{{"a":{}"#, "[".repeat(deep)),
            "EOF",
        ),
        (
            &format!(r#"{{"tags":{}"#, "[".repeat(deep)),
            "expected a string",
        ),
        (&format!(r#"{{"x":{}"#, "{\"a\":".repeat(deep)), "EOF"),
    ] {
        let error = Alert::from_json(line).unwrap_err();
        assert!(matches!(error, Error::Json { .. }));
        assert!(error.to_string().contains(says), "{error}");
    }
    // Deep but whole is only a value.
    let deep = format!(
        r#"{{"output_fields":{{"a":{}{}}}}}"#,
        "[".repeat(deep),
        "]".repeat(deep)
    );
    assert_eq!(Alert::from_json(&deep).unwrap().fields().len(), 1);
}

/// As an attacker who can write into a line would have it, or a file that ends in the middle.
#[test]
fn a_damaged_line_is_an_alert_or_an_error() {
    const BYTES: [u8; 8] = [b'"', b'\\', b'{', b']', b',', b'0', b'\n', 0];
    for (at, (_, line)) in recorded_with_lines().iter().enumerate().step_by(37) {
        for cut in (0..line.len()).step_by(3) {
            invariants::any_line(&String::from_utf8_lossy(&line.as_bytes()[..cut]));
            let mut damaged = line.clone().into_bytes();
            damaged[cut] = BYTES[(at + cut) % BYTES.len()];
            invariants::any_line(&String::from_utf8_lossy(&damaged));
        }
    }
}
