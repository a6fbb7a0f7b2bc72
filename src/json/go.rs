//! The JSON of the first Go client's example.

use std::{fmt, io};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Fields, Tags};
use crate::alert::Alert;

/// An alert in the JSON of the first Go client's example; made by [`Alert::go_json`].
///
/// `time` is an object of `seconds` and `nanos` as on the wire, `priority` the enum's number, followed
/// by `rule`, `output` and `output_fields`; and, where they are present, `hostname`, `tags` and
/// `source`. From a Falco before 0.32, `source` is the name of the deprecated enum, where it is sent.
#[derive(Clone, Copy, Debug)]
pub struct GoJson<'a>(pub(super) &'a Alert);

impl GoJson<'_> {
    /// Writes one object, without a newline after it.
    ///
    /// # Errors
    ///
    /// The errors of `out`.
    pub fn write_to(&self, out: &mut impl io::Write) -> io::Result<()> {
        super::write(self, out)
    }
}

impl fmt::Display for GoJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::display(self, f)
    }
}

impl Serialize for GoJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let GoJson(alert) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &GoTime(alert))?;
        map.serialize_entry("priority", &alert.priority().number())?;
        map.serialize_entry("rule", alert.rule())?;
        map.serialize_entry("output", alert.output())?;
        map.serialize_entry("output_fields", &Fields(alert))?;
        if !alert.hostname().is_empty() {
            map.serialize_entry("hostname", alert.hostname())?;
        }
        if alert.tags().len() > 0 {
            map.serialize_entry("tags", &Tags(alert))?;
        }
        // An absent number has a name too, which was not sent.
        if !alert.source().is_empty()
            && (alert.source_number() != 0 || !alert.source_text().is_empty())
        {
            map.serialize_entry("source", alert.source())?;
        }
        map.end()
    }
}

struct GoTime<'a>(&'a Alert);

impl Serialize for GoTime<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("seconds", &self.0.seconds())?;
        map.serialize_entry("nanos", &self.0.nanos())?;
        map.end()
    }
}
