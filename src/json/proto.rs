//! Protobuf's canonical JSON.

use std::{fmt, io};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::unknown::Unknown;
use super::{time, Fields, Tags};
use crate::alert::Alert;

const PRIORITIES: [&str; 8] = [
    "EMERGENCY",
    "ALERT",
    "CRITICAL",
    "ERROR",
    "WARNING",
    "NOTICE",
    "INFORMATIONAL",
    "DEBUG",
];
const SOURCES: [&str; 4] = ["SYSCALL", "K8S_AUDIT", "INTERNAL", "PLUGIN"];

/// An alert in the canonical proto3 JSON mapping of its message; made by [`Alert::proto_json`].
///
/// Names are in lowerCamelCase and in the order of the field numbers; enums are written by name, `time`
/// in RFC 3339 with 0, 3, 6 or 9 digits. Fields that are absent, empty or 0 are left out.
///
/// Where the mapping has no rule, nothing is lost and nothing fails:
///
/// - An unknown number of an enum is written as a number.
/// - Unknown fields are at the end, under their numbers: varints and 64-bit values as strings of
///   decimal digits, 32-bit values as numbers, all others as base64; a list where there are several.
/// - A time beyond the years 1 to 9999 is their first or last moment.
#[derive(Clone, Copy, Debug)]
pub struct ProtoJson<'a>(pub(super) &'a Alert);

impl ProtoJson<'_> {
    /// Writes one object, without a newline after it.
    ///
    /// # Errors
    ///
    /// The errors of `out`.
    pub fn write_to(&self, out: &mut impl io::Write) -> io::Result<()> {
        super::write(self, out)
    }
}

impl fmt::Display for ProtoJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::display(self, f)
    }
}

impl Serialize for ProtoJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ProtoJson(alert) = self;
        let mut map = serializer.serialize_map(None)?;
        if alert.has_time() {
            map.serialize_entry("time", &time::proto(alert.seconds(), alert.nanos()))?;
        }
        put_enum(&mut map, "priority", &PRIORITIES, alert.priority().number())?;
        put_enum(
            &mut map,
            "sourceDeprecated",
            &SOURCES,
            alert.source_number(),
        )?;
        put_text(&mut map, "rule", alert.rule())?;
        put_text(&mut map, "output", alert.output())?;
        if alert.fields().len() > 0 {
            map.serialize_entry("outputFields", &Fields(alert))?;
        }
        put_text(&mut map, "hostname", alert.hostname())?;
        if alert.tags().len() > 0 {
            map.serialize_entry("tags", &Tags(alert))?;
        }
        put_text(&mut map, "source", alert.source_text())?;
        Unknown::of(alert.unknown_fields()).put(&mut map)?;
        map.end()
    }
}

fn put_text<M: SerializeMap>(map: &mut M, name: &'static str, text: &str) -> Result<(), M::Error> {
    if text.is_empty() {
        return Ok(());
    }
    map.serialize_entry(name, text)
}

fn put_enum<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    names: &[&str],
    number: i32,
) -> Result<(), M::Error> {
    if number == 0 {
        return Ok(());
    }
    match usize::try_from(number)
        .ok()
        .and_then(|number| names.get(number))
    {
        Some(value) => map.serialize_entry(name, value),
        None => map.serialize_entry(name, &number),
    }
}
