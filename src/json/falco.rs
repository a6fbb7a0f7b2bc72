//! Falco's own JSON.

use std::{fmt, io};

use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::{own_line, time, Tags};
use crate::alert::Alert;

/// An alert as Falco's own JSON line; made by [`Alert::falco_json`].
///
/// Where Falco runs with `json_output: true`, the alert's output is its JSON line, and is written
/// byte for byte. That is so only if the output has the alert's own time, rule, priority, source, host,
/// tags and fields, each once; `uuid` and `customfields`, which falcosidekick adds, may be beside
/// them. An alert that was received as [JSON](Alert::raw_json) is written as it was received, except
/// that bytes that are not UTF-8 are U+FFFD, and line breaks between its values are spaces.
///
/// Otherwise the line is made of the message, with the keys in Falco's order: `hostname`, `output`,
/// `output_fields`, `priority`, `rule`, `source`, `tags`, `time`. As in Falco, empty ones are written
/// too, but not `tags` for source `internal`. The values of `output_fields` are strings, as gRPC
/// carries them, except `evt.time` and its kin, which are nanoseconds; `evt.time` is always there, as
/// falcosidekick refuses an alert without fields. Where the output is another JSON object about this
/// alert, its `output` is written. A priority without a name is written as its number in a string.
/// `time` has nine digits; beyond the years 1 to 9999 it is their first or last moment.
///
/// The alert's own line passes through `serde_json` unchanged; another serializer gets it as a string.
#[derive(Clone, Copy, Debug)]
pub struct FalcoJson<'a>(pub(super) &'a Alert);

impl FalcoJson<'_> {
    /// Writes one object, without a newline after it.
    ///
    /// # Errors
    ///
    /// The errors of `out`.
    pub fn write_to(&self, out: &mut impl io::Write) -> io::Result<()> {
        match own_line::of(self.0) {
            Some(line) => out.write_all(line.as_bytes()),
            None => super::write(&Built(self.0), out),
        }
    }
}

impl fmt::Display for FalcoJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match own_line::of(self.0) {
            Some(line) => f.write_str(&line),
            None => super::display(&Built(self.0), f),
        }
    }
}

impl Serialize for FalcoJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match own_line::of(self.0) {
            Some(line) => {
                let line: &RawValue = serde_json::from_str(&line).map_err(S::Error::custom)?;
                line.serialize(serializer)
            }
            None => Built(self.0).serialize(serializer),
        }
    }
}

/// `output_fields`, with the time that Falco's own JSON has among them: over gRPC it is missing, or a
/// text.
struct FalcoFields<'a>(&'a Alert);

impl Serialize for FalcoFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FalcoFields(alert) = self;
        let mut map = serializer.serialize_map(None)?;
        let nanos = time::nanos(alert.seconds(), alert.nanos());
        let is_time = |name: &str| own_line::TIMES.contains(&name);
        // What Falco says about itself has no event.
        let has_event = alert.source() != "internal" || alert.fields().len() == 0;
        if has_event && alert.field("evt.time").is_none() {
            map.serialize_entry("evt.time", &nanos)?;
        }
        for (name, value) in alert.fields() {
            match is_time(name) {
                true => map.serialize_entry(name, &nanos)?,
                false => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

/// The line made of the message.
struct Built<'a>(&'a Alert);

impl Serialize for Built<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Built(alert) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("hostname", alert.hostname())?;
        map.serialize_entry("output", &*own_line::text(alert))?;
        map.serialize_entry("output_fields", &FalcoFields(alert))?;
        match alert.priority().name() {
            Some(name) => map.serialize_entry("priority", name)?,
            None => map.serialize_entry("priority", &alert.priority().to_string())?,
        }
        map.serialize_entry("rule", alert.rule())?;
        map.serialize_entry("source", alert.source())?;
        if alert.source() != "internal" {
            map.serialize_entry("tags", &Tags(alert))?;
        }
        map.serialize_entry("time", &time::falco(alert.seconds(), alert.nanos()))?;
        map.end()
    }
}
