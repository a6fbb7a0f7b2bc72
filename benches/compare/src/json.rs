//! Falco's own JSON from prost's message: the same object as `Alert::falco_json` writes.

use jiff::tz::Offset;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
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

/// What Falco's JSON has as nanoseconds.
const TIMES: [&str; 5] = [
    "evt.datetime",
    "evt.datetime.s",
    "evt.time",
    "evt.time.iso8601",
    "evt.time.s",
];

struct Fields<'a>(&'a Alert);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Fields(alert) = self;
        let time = alert.time.unwrap_or_default();
        let nanos = time.seconds * 1_000_000_000 + i64::from(time.nanos);
        let fields = &alert.output_fields;
        let mut map = serializer.serialize_map(None)?;
        let has_event = alert.source != "internal" || fields.is_empty();
        if has_event && !fields.contains_key("evt.time") {
            map.serialize_entry("evt.time", &nanos)?;
        }
        for (name, value) in fields {
            match TIMES.contains(&name.as_str()) {
                true => map.serialize_entry(name, &nanos)?,
                false => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
pub struct Line<'a> {
    hostname: &'a str,
    output: &'a str,
    output_fields: Fields<'a>,
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
    serde_json::to_writer(line, &Line::of(alert)).unwrap();
}

impl Line<'_> {
    pub fn of(alert: &Alert) -> Line<'_> {
        let time = alert.time.unwrap_or_default();
        let timestamp = Timestamp::new(time.seconds, time.nanos).unwrap();
        let date = Offset::UTC.to_datetime(timestamp);
        Line {
            hostname: &alert.hostname,
            output: &alert.output,
            output_fields: Fields(alert),
            priority: PRIORITIES[alert.priority as usize],
            rule: &alert.rule,
            source: &alert.source,
            tags: (alert.source != "internal").then_some(&alert.tags),
            time: format!("{date:.9}Z"),
        }
    }
}
