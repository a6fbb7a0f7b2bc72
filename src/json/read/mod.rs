//! Alerts read from Falco's own JSON.

mod fields;

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use fields::{BorrowedText, ParsedFields, RawText};

use super::time;
use crate::alert::{source_number, Alert, Parts, LONGEST, TOO_LONG};
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
        read(line).map_err(|source| Error::Json { source })
    }
}

fn read(line: &str) -> serde_json::Result<Alert> {
    let mut json = serde_json::Deserializer::from_str(line);
    let read = json.deserialize_map(LineVisitor::<BorrowedText, &RawValue>::new())?;
    json.end()?;
    alert(read).map_err(serde_json::Error::custom)
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
        .deserialize_map(LineVisitor::<SkippedText, &RawValue>::new())
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
    let message = encode(&read, line)?;
    // Offsets into a message have 32 bits.
    match message.len() {
        ..=LONGEST => Ok(message),
        _ => Err(TOO_LONG.to_owned()),
    }
}

/// Reads what [`Alert::from_json`] reads. Only `serde_json` keeps the digits of a number, so output
/// fields cannot be read by another deserializer.
impl<'de> Deserialize<'de> for Alert {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let line =
            deserializer.deserialize_map(LineVisitor::<BorrowedText, Box<RawValue>>::new())?;
        alert(line).map_err(D::Error::custom)
    }
}

/// The values that make a message. `O` is what becomes of the output, `R` how a value of the output
/// fields is read before its type is known: a reader that is no text lends nothing.
#[derive(serde::Deserialize)]
#[serde(bound(deserialize = "O: Deserialize<'de>, R: RawText<'de>"))]
struct ParsedLine<'a, O, R> {
    #[serde(borrow)]
    hostname: Option<BorrowedText<'a>>,
    output: Option<O>,
    #[serde(borrow)]
    output_fields: Option<ParsedFields<'a, R>>,
    #[serde(borrow)]
    priority: Option<BorrowedText<'a>>,
    #[serde(borrow)]
    rule: Option<BorrowedText<'a>>,
    #[serde(borrow)]
    source: Option<BorrowedText<'a>>,
    #[serde(borrow)]
    tags: Option<ParsedTags<'a>>,
    #[serde(borrow)]
    time: Option<BorrowedText<'a>>,
}

/// A text that is not needed, and has to be one all the same.
struct SkippedText;

impl<'de> Deserialize<'de> for SkippedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_str(SkippedVisitor)
    }
}

struct SkippedVisitor;

impl Visitor<'_> for SkippedVisitor {
    type Value = SkippedText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<SkippedText, E> {
        Ok(SkippedText)
    }
}

/// Without it, a list would be read as the values of an object.
struct LineVisitor<O, R>(PhantomData<(O, R)>);

impl<O, R> LineVisitor<O, R> {
    fn new() -> Self {
        LineVisitor(PhantomData)
    }
}

impl<'de, O: Deserialize<'de>, R: RawText<'de>> Visitor<'de> for LineVisitor<O, R> {
    type Value = ParsedLine<'de, O, R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an alert, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Self::Value, A::Error> {
        ParsedLine::deserialize(MapAccessDeserializer::new(map))
    }
}

fn alert<R>(line: ParsedLine<'_, BorrowedText<'_>, R>) -> std::result::Result<Alert, String> {
    let output = line.output.as_ref().map_or("", BorrowedText::as_ref);
    let message = encode(&line, output.as_bytes())?;
    Alert::from_bytes(message).map_err(|error| error.to_string())
}

fn encode<O, R>(
    line: &ParsedLine<'_, O, R>,
    output: &[u8],
) -> std::result::Result<Vec<u8>, String> {
    fn text<'a>(text: &'a Option<BorrowedText<'_>>) -> &'a str {
        text.as_ref().map_or("", BorrowedText::as_ref)
    }
    let priority = match &line.priority {
        Some(text) => {
            let priority = text.0.parse::<Priority>();
            priority.map_err(|error| error.to_string())?.number()
        }
        None => 0,
    };
    let time = line.time.as_ref().map(|BorrowedText(text)| {
        time::read(text).map_err(|error| format!("time {text:?}: {error}"))
    });
    let source = text(&line.source);
    let parts = Parts {
        time: time.transpose()?,
        priority,
        source_number: source_number(source),
        rule: text(&line.rule),
        output,
        fields: line.output_fields.as_ref().map_or(&[], |fields| &*fields.0),
        hostname: text(&line.hostname),
        tags: line.tags.as_ref().map_or(&[], |tags| &*tags.0),
        source,
    };
    Ok(parts.encode())
}

/// More than any alert has. Each takes many times the memory of its bytes.
const MOST: usize = 100_000;

struct ParsedTags<'a>(Vec<BorrowedText<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for ParsedTags<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_seq(TagsVisitor)
    }
}

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = ParsedTags<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut seq: A,
    ) -> std::result::Result<ParsedTags<'de>, A::Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"output":"a\n\"b\"","output_fields":{"e":"\u00e9","n":1.50,"l":["x",null]},
        "priority":"Notice","rule":"r","source":"k8s_audit","tags":["t"],"time":"2026-11-22T16:42:47.284336179Z"}"#;

    #[test]
    fn a_line_becomes_a_message_of_its_values_and_itself() {
        let message = line_message(LINE.as_bytes()).unwrap();
        assert_eq!(message.len(), message.capacity());
        let alert = Alert::from_bytes(message).unwrap();
        assert_eq!(alert.output(), LINE);
        let fields = [("e", "é"), ("n", "1.50"), ("l", "(x,<NA>)")];
        assert_eq!(alert.fields().collect::<Vec<_>>(), fields);
        assert_eq!((alert.source_number(), alert.nanos()), (1, 284_336_179));
        // The same but for the output.
        let read = Alert::from_json(LINE).unwrap();
        assert_eq!(read.output(), "a\n\"b\"");
        assert!(read.fields().eq(alert.fields()) && read.tags().eq(alert.tags()));
    }

    #[test]
    fn an_output_that_is_not_needed_is_a_text_all_the_same() {
        for output in ["1", "{}", r#""\ud800""#, "\"\n\"", r#""\x""#] {
            let line = LINE.replacen(r#""a\n\"b\"""#, output, 1);
            assert!(line_message(line.as_bytes()).is_err(), "{output}");
        }
    }
}
