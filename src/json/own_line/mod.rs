//! Whether an alert's output is Falco's own JSON line.

mod quick;
mod value;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::time;
use crate::alert::Alert;
use crate::format::Format;

/// The output, where the alert was received as that, or where it is Falco's JSON line of this alert.
///
/// An attacker chooses the names of files and processes in the output, so it is not enough that it is
/// JSON: it must be one line that has no keys but Falco's, no values but the message's own, and that
/// the strictest reader accepts.
pub(super) fn of(alert: &Alert) -> Option<Cow<'_, str>> {
    let output = alert.output();
    match alert.format() {
        // They are between values: within a string, JSON has no raw ones.
        Format::JsonLine if has_line_break(output) => {
            return Some(output.replace(['\n', '\r'], " ").into());
        }
        Format::JsonLine => return Some(output.into()),
        Format::Grpc => {}
    }
    if !output.starts_with('{') || !output.ends_with('}') {
        return None;
    }
    // JSON allows them between values.
    if has_line_break(output) {
        return None;
    }
    let is_own = quick::is_own(alert, output) || is_about(alert, output, false);
    is_own.then(|| output.into())
}

fn has_line_break(text: &str) -> bool {
    memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some()
}

/// The output, or the one inside it where it is a JSON object of another shape about this alert, as
/// programs that add keys write it: otherwise it would be wrapped in itself.
pub(super) fn text(alert: &Alert) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct InnerOutput<'a> {
        #[serde(borrow, default)]
        output: Cow<'a, str>,
    }
    let output = alert.output();
    if !output.starts_with('{') || !output.ends_with('}') || !is_about(alert, output, true) {
        return output.into();
    }
    match serde_json::from_str::<InnerOutput<'_>>(output) {
        Ok(inner) => inner.output,
        Err(_) => output.into(),
    }
}

fn is_about(alert: &Alert, output: &str, extended: bool) -> bool {
    let mut json = serde_json::Deserializer::from_str(output);
    let line = LineOf { alert, extended };
    line.deserialize(&mut json).is_ok() && json.end().is_ok()
}

/// The keys that Falco writes, and those that falcosidekick adds.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum FalcoKey {
    #[serde(rename = "customfields")]
    CustomFields,
    Hostname,
    Message,
    Output,
    OutputFields,
    Priority,
    Rule,
    Source,
    Tags,
    Time,
    Uuid,
    #[serde(other)]
    Other,
}

impl FalcoKey {
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The keys that no configuration of Falco leaves out.
const ALWAYS: u16 = FalcoKey::Priority.bit() | FalcoKey::Rule.bit() | FalcoKey::Time.bit();

fn differs<E: Error>() -> E {
    E::custom("it differs from the message")
}

struct LineOf<'a> {
    alert: &'a Alert,
    /// Has keys of other programs, and fields that they have changed.
    extended: bool,
}

impl<'de> DeserializeSeed<'de> for LineOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Falco's line")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let LineOf { alert, extended } = self;
        let (mut seen, mut others) = (0, false);
        while let Some(key) = map.next_key::<FalcoKey>()? {
            // Readers do not agree which of two counts.
            if seen & key.bit() != 0 && key != FalcoKey::Other {
                return Err(differs());
            }
            seen |= key.bit();
            others |= matches!(
                key,
                FalcoKey::CustomFields | FalcoKey::Other | FalcoKey::Uuid
            );
            match key {
                // The message has them nowhere else.
                FalcoKey::Message | FalcoKey::Output => {
                    map.next_value_seed(TextWhere(|_: &str| true))?
                }
                FalcoKey::OutputFields if extended => map.next_value::<IgnoredAny>().map(drop)?,
                FalcoKey::CustomFields | FalcoKey::Uuid => {
                    map.next_value::<IgnoredAny>().map(drop)?
                }
                FalcoKey::Other if extended => map.next_value::<IgnoredAny>().map(drop)?,
                FalcoKey::Other => return Err(differs()),
                FalcoKey::OutputFields => map.next_value_seed(FieldsOf(alert))?,
                FalcoKey::Tags => map.next_value_seed(TagsOf(alert))?,
                FalcoKey::Rule => {
                    map.next_value_seed(TextWhere(|text: &str| text == alert.rule()))?
                }
                FalcoKey::Priority => map.next_value_seed(TextWhere(|text: &str| {
                    Some(text) == alert.priority().name()
                }))?,
                FalcoKey::Time => map.next_value_seed(TextWhere(|text: &str| {
                    text == time::falco(alert.seconds(), alert.nanos())
                }))?,
                FalcoKey::Source => map.next_value_seed(TextWhere(|text: &str| {
                    text.is_empty() || text == alert.source()
                }))?,
                FalcoKey::Hostname => map.next_value_seed(TextWhere(|text: &str| {
                    text.is_empty() || text == alert.hostname()
                }))?,
            }
        }
        if seen & ALWAYS == ALWAYS && (others || !extended) {
            Ok(())
        } else {
            Err(differs())
        }
    }
}

/// A string that is as it should be.
struct TextWhere<F>(F);

impl<'de, F: FnOnce(&str) -> bool> DeserializeSeed<'de> for TextWhere<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<F: FnOnce(&str) -> bool> Visitor<'_> for TextWhere<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.0(text) {
            Ok(())
        } else {
            Err(differs())
        }
    }
}

/// The message's tags, all of them.
struct TagsOf<'a>(&'a Alert);

impl<'de> DeserializeSeed<'de> for TagsOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for TagsOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut tags = self.0.tags();
        while let Some(()) =
            seq.next_element_seed(TextWhere(|text: &str| Some(text) == tags.next()))?
        {}
        match tags.next() {
            None => Ok(()),
            Some(_) => Err(differs()),
        }
    }
}

/// Output fields that are among the message's.
struct FieldsOf<'a>(&'a Alert);

/// The fields that Falco adds to the line, or writes there in another form, as nanoseconds.
pub(super) const TIMES: [&str; 5] = [
    "evt.datetime",
    "evt.datetime.s",
    "evt.time",
    "evt.time.iso8601",
    "evt.time.s",
];

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for FieldsOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FieldsOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("output fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let FieldsOf(alert) = self;
        let fields = FieldLookup::of(alert);
        let mut last: Option<Cow<'de, str>> = None;
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            // Falco sorts them, so that a duplicate is detected.
            if last.is_some_and(|last| last >= name) {
                return Err(differs());
            }
            let text = match fields.get(name.as_bytes()) {
                _ if TIMES.contains(&&*name) => None,
                None => return Err(differs()),
                // Falco's JSON replaces what is not UTF-8 in another way. Whoever could put that into
                // the value could have put anything else there.
                Some(text) if alert.is_lossy() && is_repaired(text) => None,
                text => text,
            };
            let json = map.next_value::<&'de RawValue>()?.get();
            if !value::is(json, text) {
                return Err(differs());
            }
            last = Some(name);
        }
        Ok(())
    }
}

fn is_repaired(text: &[u8]) -> bool {
    memchr::memmem::find(text, "\u{fffd}".as_bytes()).is_some()
}

/// Finds the message's fields by name: by linear search while they are few, which is faster.
struct FieldLookup<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> FieldLookup<'a> {
    const FEW: usize = 16;

    fn of(alert: &'a Alert) -> Self {
        let mut fields: Vec<_> = alert.field_bytes().collect();
        if fields.len() > Self::FEW {
            fields.sort_unstable();
        }
        FieldLookup(fields)
    }

    fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        let FieldLookup(fields) = self;
        let place = match fields.len() {
            ..=Self::FEW => fields.iter().position(|(other, _)| *other == name),
            _ => fields.binary_search_by_key(&name, |(name, _)| name).ok(),
        };
        fields.get(place?).map(|(_, text)| *text)
    }
}
