//! Between an alert and its generated message.

use protobuf::{EnumOrUnknown, Message, MessageFull};

use super::{repair, Alert};
use crate::api::outputs::Response;

impl Alert {
    /// The generated message, unknown fields and unknown numbers of enums included. Texts that were
    /// not UTF-8 are repaired in it too.
    pub fn to_message(&self) -> Response {
        let message = if self.is_lossy() {
            repair(&self.bytes, &Response::descriptor())
                .ok()
                .and_then(|bytes| Response::parse_from_bytes(&bytes).ok())
        } else {
            Response::parse_from_bytes(&self.bytes).ok()
        };
        // Every alert parses, as the tests show. Were there one that does not, it would not be lost.
        message.unwrap_or_else(|| self.known_fields())
    }

    fn known_fields(&self) -> Response {
        let mut message = Response::new();
        if self.has_time() {
            let time = message.time.mut_or_insert_default();
            (time.seconds, time.nanos) = (self.seconds(), self.nanos());
        }
        message.priority = EnumOrUnknown::from_i32(self.index.priority);
        message.source_deprecated = EnumOrUnknown::from_i32(self.index.source_number);
        message.rule = self.rule().to_owned();
        message.output = self.output().to_owned();
        message.output_fields = self
            .fields()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        message.hostname = self.hostname().to_owned();
        message.tags = self.tags().map(str::to_owned).collect();
        message.source = self.source_text().to_owned();
        message
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
