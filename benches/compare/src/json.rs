//! Falco's own JSON from prost's message: the same object as `Alert::falco_json` writes.

use std::collections::HashMap;

use jiff::tz::Offset;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::prost_alert::Alert;

const PRIORITIES: [&str; 8] = [
    "Emergency",
    "Alert",
    "Critical",
    "Error",
    "Warning",
    "Notice",
    "Informational",
    "Debug",
];

#[derive(Serialize)]
struct Line<'a> {
    hostname: &'a str,
    output: &'a str,
    output_fields: &'a HashMap<String, String>,
    priority: &'a str,
    rule: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a [String]>,
    time: String,
}

pub fn write(alert: &Alert, line: &mut Vec<u8>) {
    // With `json_output: true` the output is the line; that it is one at all is the least to ask.
    if alert.output.starts_with('{') && serde_json::from_str::<&RawValue>(&alert.output).is_ok() {
        line.extend_from_slice(alert.output.as_bytes());
        return;
    }
    let time = alert.time.unwrap_or_default();
    let timestamp = Timestamp::new(time.seconds, time.nanos).unwrap();
    let date = Offset::UTC.to_datetime(timestamp);
    let object = Line {
        hostname: &alert.hostname,
        output: &alert.output,
        output_fields: &alert.output_fields,
        priority: PRIORITIES[alert.priority as usize],
        rule: &alert.rule,
        source: &alert.source,
        tags: (alert.source != "internal").then_some(&alert.tags),
        time: format!("{date:.9}Z"),
    };
    serde_json::to_writer(line, &object).unwrap();
}
