//! Alerts read from Falco's own JSON.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::time;
use crate::alert::{Alert, AlertBuilder};
use crate::error::{Error, Result};
use crate::priority::Priority;
use crate::util::text::one_line;

/// A problem may quote a value of the line, in bytes.
const LONGEST_PROBLEM: usize = 300;

impl Alert {
    /// Reads an alert from Falco's own JSON: one object, as Falco writes it to its files, pipes and
    /// HTTP with `json_output: true`, or as [`Alert::falco_json`] does.
    ///
    /// The message is made as Falco would send it over gRPC. The values of `output_fields` become
    /// strings: numbers keep their digits, null becomes `<NA>`, booleans `true` and `false`, a list
    /// `(a,b)`; what is nested deeper stays JSON. `output` is that of the object. Absent keys give
    /// absent fields, which makes an absent priority Emergency; other keys are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] when the line is not JSON, no object, or has a value of the wrong type or an
    /// unknown priority or time.
    pub fn from_json(line: &str) -> Result<Alert> {
        serde_json::from_str(line).map_err(|source| Error::Json { source })
    }
}

/// The message that Falco with `json_output: true` would send over gRPC of the alert that it wrote as
/// this line: its output is the line, byte for byte.
///
/// Bytes that are not UTF-8 are not valid JSON, and must not hide an alert: they are read as U+FFFD, and
/// stay as they are in the output.
///
/// # Errors
///
/// What is wrong with a line that is no alert, or lacks a key that no setting of Falco leaves out.
pub(crate) fn line_message(line: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(line);
    let mut json = serde_json::Deserializer::from_str(&text);
    let read = json
        .deserialize_map(LineVisitor)
        .and_then(|read| json.end().map(|()| read))
        .map_err(|error| one_line(format_args!("{error}"), LONGEST_PROBLEM))?;
    let always = [
        ("time", &read.time),
        ("priority", &read.priority),
        ("rule", &read.rule),
    ];
    if let Some((key, _)) = always.iter().find(|(_, value)| value.is_none()) {
        return Err(format!("it has no {key}"));
    }
    let message = builder(read)?.output_bytes(line).encode();
    // Offsets into a message have 32 bits.
    match Alert::from_bytes(message) {
        Ok(alert) => Ok(alert.into_bytes()),
        Err(Error::Undecodable { problem, .. }) => Err(problem),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads what [`Alert::from_json`] reads. Only `serde_json` keeps the digits of a number, so output
/// fields cannot be read by another deserializer.
impl<'de> Deserialize<'de> for Alert {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let line = deserializer.deserialize_map(LineVisitor)?;
        alert(line).map_err(D::Error::custom)
    }
}

#[derive(serde::Deserialize)]
struct ParsedLine {
    hostname: Option<String>,
    output: Option<String>,
    output_fields: Option<ParsedFields>,
    priority: Option<String>,
    rule: Option<String>,
    source: Option<String>,
    tags: Option<ParsedTags>,
    time: Option<String>,
}

/// Without it, a list would be read as the values of an object.
struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = ParsedLine;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an alert, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<ParsedLine, A::Error> {
        ParsedLine::deserialize(MapAccessDeserializer::new(map))
    }
}

fn alert(line: ParsedLine) -> std::result::Result<Alert, String> {
    let alert = builder(line)?;
    alert.try_build().map_err(|error| error.to_string())
}

fn builder(line: ParsedLine) -> std::result::Result<AlertBuilder, String> {
    let mut alert = Alert::builder()
        .without_time()
        .hostname(line.hostname.unwrap_or_default())
        .output(line.output.unwrap_or_default())
        .rule(line.rule.unwrap_or_default())
        .source(line.source.unwrap_or_default());
    if let Some(text) = line.priority {
        alert = alert.priority(
            text.parse::<Priority>()
                .map_err(|error| error.to_string())?,
        );
    }
    if let Some(text) = line.time {
        let (seconds, nanos) =
            time::read(&text).map_err(|error| format!("time {text:?}: {error}"))?;
        alert = alert.timestamp(seconds, nanos);
    }
    for (name, value) in line.output_fields.unwrap_or_default().0 {
        alert = alert.field(name, value);
    }
    for tag in line.tags.unwrap_or_default().0 {
        alert = alert.tag(tag);
    }
    Ok(alert)
}

/// More than any alert has. Each takes many times the memory of its bytes.
const MOST: usize = 100_000;

/// Names and values as gRPC carries them.
#[derive(Default)]
struct ParsedFields(Vec<(String, String)>);

impl<'de> Deserialize<'de> for ParsedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[derive(Default)]
struct ParsedTags(Vec<String>);

impl<'de> Deserialize<'de> for ParsedTags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_seq(TagsVisitor)
    }
}

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = ParsedTags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<ParsedTags, A::Error> {
        let mut tags = Vec::new();
        while let Some(tag) = seq.next_element()? {
            if tags.len() == MOST {
                return Err(A::Error::custom("it has more than 100,000 tags"));
            }
            tags.push(tag);
        }
        Ok(ParsedTags(tags))
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = ParsedFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the output fields, which are an object")
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<ParsedFields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if fields.len() == MOST {
                return Err(A::Error::custom("it has more than 100,000 output fields"));
            }
            fields.push((name, value_text(value.get()).map_err(A::Error::custom)?));
        }
        Ok(ParsedFields(fields))
    }
}

fn value_text(json: &str) -> serde_json::Result<String> {
    if !json.starts_with('[') {
        return scalar_text(json);
    }
    let elements: Vec<&RawValue> = serde_json::from_str(json)?;
    let mut text = String::from("(");
    for (place, element) in elements.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&scalar_text(element.get())?);
    }
    text.push(')');
    Ok(text)
}

fn scalar_text(json: &str) -> serde_json::Result<String> {
    match json {
        "null" => Ok("<NA>".to_owned()),
        text if text.starts_with('"') => serde_json::from_str(text),
        literal => Ok(literal.to_owned()),
    }
}
