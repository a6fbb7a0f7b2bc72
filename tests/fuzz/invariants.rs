//! What holds for any bytes, checked by the tests and by the fuzz targets.

// Each takes what it needs.
#![allow(dead_code)]

use std::collections::HashMap;

use falco_client::api::outputs::Response;
use falco_client::{Alert, Error};
use protobuf::Message;
use serde_json::Value;

/// The alert agrees with the generated message, and its JSON is JSON.
pub fn any_bytes(bytes: &[u8]) {
    if let Some(alert) = agrees(bytes) {
        json(&alert);
    }
}

/// The alert agrees with the generated message: on whether there is one, and on its values.
pub fn agrees(bytes: &[u8]) -> Option<Alert> {
    match (Alert::from_bytes(bytes), Response::parse_from_bytes(bytes)) {
        (Ok(alert), message) => {
            assert_eq!(alert.as_bytes(), bytes);
            // The generated message's parser has nothing against it but text that is not UTF-8.
            assert_eq!(alert.is_lossy(), message.is_err(), "{bytes:?}");
            let message = message.unwrap_or_else(|_| alert.to_message());
            same(&alert, &message);
            assert_eq!(alert.to_message(), message);
            Some(alert)
        }
        (
            Err(Error::Undecodable {
                bytes: returned,
                problem,
                ..
            }),
            message,
        ) => {
            assert_eq!(&*returned, bytes);
            assert!(message.is_err(), "{problem}: {bytes:?}");
            None
        }
        (Err(other), _) => panic!("{other}"),
    }
}

/// Each of the alert's values is the message's.
pub fn same(alert: &Alert, message: &Response) {
    assert_eq!(alert.seconds(), message.time.seconds);
    assert_eq!(alert.nanos(), message.time.nanos);
    assert_eq!(alert.priority().number(), message.priority.value());
    assert_eq!(alert.source_number(), message.source_deprecated.value());
    assert_eq!(alert.rule(), message.rule);
    assert_eq!(alert.output(), message.output);
    assert_eq!(alert.hostname(), message.hostname);
    assert!(alert.tags().eq(message.tags.iter().map(String::as_str)));
    let source = match (message.source.as_str(), message.source_deprecated.value()) {
        ("", 0) => "syscall",
        ("", 1) => "k8s_audit",
        ("", 2) => "internal",
        ("", 3) => "plugin",
        (source, _) => source,
    };
    assert_eq!(alert.source(), source);
    assert_eq!(alert.fields().len(), message.output_fields.len());
    let fields: HashMap<_, _> = alert.fields().collect();
    for (name, value) in &message.output_fields {
        assert_eq!(fields.get(name.as_str()), Some(&value.as_str()));
        assert_eq!(alert.field(name), Some(value.as_str()));
    }
}

/// Each form is one line of JSON by all its ways, and Falco's reads back.
pub fn json(alert: &Alert) {
    let _ = (alert.time(), format!("{alert:?}"));
    let mut line = Vec::new();
    let forms = [
        alert.go_json().to_string(),
        alert.falco_json().to_string(),
        alert.proto_json().to_string(),
    ];
    alert.go_json().write_to(&mut line).unwrap();
    alert.falco_json().write_to(&mut line).unwrap();
    alert.proto_json().write_to(&mut line).unwrap();
    assert_eq!(line, forms.concat().as_bytes());
    assert_eq!(
        serde_json::to_string(&alert.falco_json()).unwrap(),
        forms[1]
    );
    for form in &forms {
        assert!(!form.contains('\n'), "{form}");
        assert!(serde_json::from_str::<Value>(form).unwrap().is_object());
    }
    let back = Alert::from_json(&forms[1]).unwrap();
    assert_eq!(back.rule(), alert.rule());
    assert_eq!(back.priority(), alert.priority());
    assert_eq!(back.time(), alert.time());
    if forms[1] != alert.output() {
        // An object about this alert stands for the output in it.
        assert!(back.output() == alert.output() || alert.output().starts_with('{'));
        assert_eq!(back.hostname(), alert.hostname());
        // Falco's JSON has times that a message lacks, or has otherwise.
        let is_time = |(name, _): &(&str, &str)| {
            name.starts_with("evt.time") || name.starts_with("evt.datetime")
        };
        let (back, alert) = (back.fields(), alert.fields());
        assert!(back
            .filter(|field| !is_time(field))
            .eq(alert.filter(|field| !is_time(field))));
    }
}

/// A line of JSON that is read is an alert like any other, and reads back as itself.
pub fn any_line(line: &str) {
    let Ok(alert) = Alert::from_json(line) else {
        return;
    };
    let message = Alert::from_bytes(alert.as_bytes()).unwrap();
    assert_eq!(message, alert);
    assert!(!alert.is_lossy());
    json(&alert);
    let native = alert.falco_json().to_string();
    let again = Alert::from_json(&native).unwrap();
    assert_eq!(again.falco_json().to_string(), native);
}
