//! The output fields of a line.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::MOST;

/// A text, which is copied only where it has escapes.
#[derive(serde::Deserialize)]
pub(super) struct BorrowedText<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl AsRef<str> for BorrowedText<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Names and values as gRPC carries them.
pub(super) struct ParsedFields<'a, R>(
    pub(super) Vec<(BorrowedText<'a>, BorrowedText<'a>)>,
    PhantomData<R>,
);

impl<'de: 'a, 'a, R: RawText<'de>> Deserialize<'de> for ParsedFields<'a, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor(PhantomData))
    }
}

struct FieldsVisitor<R>(PhantomData<R>);

impl<'de, R: RawText<'de>> Visitor<'de> for FieldsVisitor<R> {
    type Value = ParsedFields<'de, R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the output fields, which are an object")
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<BorrowedText<'de>, R>()? {
            if fields.len() == MOST {
                return Err(A::Error::custom("it has more than 100,000 output fields"));
            }
            fields.push((name, value.text().map_err(A::Error::custom)?));
        }
        Ok(ParsedFields(fields, PhantomData))
    }
}

/// The JSON of a value, and the text as which gRPC carries it.
pub(super) trait RawText<'de>: Deserialize<'de> {
    fn text(self) -> serde_json::Result<BorrowedText<'de>>;
}

impl<'de> RawText<'de> for &'de RawValue {
    fn text(self) -> serde_json::Result<BorrowedText<'de>> {
        value_text(self.get()).map(BorrowedText)
    }
}

impl<'de> RawText<'de> for Box<RawValue> {
    fn text(self) -> serde_json::Result<BorrowedText<'de>> {
        let text = value_text(self.get())?.into_owned();
        Ok(BorrowedText(text.into()))
    }
}

fn value_text(json: &str) -> serde_json::Result<Cow<'_, str>> {
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
    Ok(text.into())
}

fn scalar_text(json: &str) -> serde_json::Result<Cow<'_, str>> {
    if json == "null" {
        return Ok("<NA>".into());
    }
    let Some(text) = json.strip_prefix('"') else {
        return Ok(json.into());
    };
    // It is known to be a string: without escapes, it is what stands between the quotes.
    match text.strip_suffix('"') {
        Some(text) if memchr::memchr(b'\\', text.as_bytes()).is_none() => Ok(text.into()),
        _ => serde_json::from_str::<String>(json).map(Cow::from),
    }
}
