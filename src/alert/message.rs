//! Conversions between an alert and its generated message.

use protobuf::well_known_types::timestamp::Timestamp;
use protobuf::{EnumOrUnknown, Message, MessageFull, SpecialFields};

use super::{repair, Alert};
use crate::api::outputs::Response;

impl Alert {
    /// Returns the generated message, including unknown fields and unknown numbers of enums. Text that
    /// is not UTF-8 has U+FFFD in place of its invalid bytes.
    pub fn to_message(&self) -> Response {
        let message = if self.is_lossy() {
            repair(&self.bytes, &Response::descriptor())
                .ok()
                .and_then(|bytes| Response::parse_from_bytes(&bytes).ok())
        } else {
            Response::parse_from_bytes(&self.bytes).ok()
        };
        // Every alert parses, as the tests show. One that does not must not be lost.
        message.unwrap_or_else(|| self.known_fields())
    }

    fn known_fields(&self) -> Response {
        let time = self.has_time().then(|| Timestamp {
            seconds: self.seconds(),
            nanos: self.nanos(),
            ..Default::default()
        });
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        // Each field by its name, so that the compiler reports one that is added.
        Response {
            time: time.into(),
            priority: EnumOrUnknown::from_i32(self.index.priority),
            source_deprecated: EnumOrUnknown::from_i32(self.index.source_number),
            rule: self.rule().to_owned(),
            output: self.output().to_owned(),
            output_fields: self.fields().map(owned).collect(),
            hostname: self.hostname().to_owned(),
            tags: self.tags().map(str::to_owned).collect(),
            source: self.source_text().to_owned(),
            special_fields: SpecialFields::default(),
        }
    }
}

/// # Panics
///
/// When the message has 1 GiB or more, or an unknown field whose number is none.
impl From<&Response> for Alert {
    fn from(message: &Response) -> Alert {
        let encode = |message: &Response| {
            let bytes = message
                .write_to_bytes()
                .map_err(|error| error.to_string())?;
            Alert::from_bytes(bytes).map_err(|error| error.to_string())
        };
        let alert = encode(message).or_else(|_| {
            // What a program put among the unknown fields can contradict the known ones.
            let mut known = message.clone();
            known.special_fields.mut_unknown_fields().clear();
            if let Some(time) = known.time.as_mut() {
                time.special_fields.mut_unknown_fields().clear();
            }
            encode(&known)
        });
        alert.unwrap_or_else(|problem| panic!("{problem}"))
    }
}

/// # Panics
///
/// As `From<&Response>`.
impl From<Response> for Alert {
    fn from(message: Response) -> Alert {
        Alert::from(&message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_without_the_parser_gives_the_same() {
        let alert = Alert::builder()
            .timestamp(-1, 7)
            .rule("r")
            .output("o")
            .field("a", "b")
            .hostname("h")
            .tag("t")
            .source("dummy")
            .build();
        assert_eq!(alert.known_fields(), alert.to_message());
    }
}
