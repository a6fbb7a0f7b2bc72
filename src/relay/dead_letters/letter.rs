//! A dead letter, as a line of JSON.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::alert::{Alert, Format};
use crate::error::{Error, Result};
use crate::json::line_message;
use crate::util::hex::Hex;

/// An alert that is given up.
pub(crate) struct GivenUp<'a> {
    /// The sink that could not take it, as it is shown. None where no sink can have it.
    pub sink: Option<&'a str>,
    /// How the spool knows that sink, where another may be shown alike.
    pub identity: Option<&'a str>,
    pub source: &'a str,
    pub reason: &'a str,
    pub format: Format,
    pub bytes: &'a [u8],
    /// Whether the sink was to get it with its source in it.
    pub labelled: bool,
}

/// The fields of a line.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    time: String,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    sink: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    identity: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    /// Whether the sink gets it with its source in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    labelled: bool,
    format: RecordFormat,
    /// The alert as Falco's own JSON. None of what is no alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alert: Option<Box<RawValue>>,
    /// The message in base64, where it is not the one that is made of `alert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RecordFormat {
    Grpc,
    Json,
}

impl GivenUp<'_> {
    /// The line, with its line break.
    pub(super) fn line(&self) -> String {
        let alert = self.json();
        let is_made_of = |alert: &RawValue| {
            let made = line_message(alert.get().as_bytes());
            self.format == Format::JsonLine && made.is_ok_and(|made| made == self.bytes)
        };
        let is_all = alert.as_deref().is_some_and(is_made_of);
        let record = Record {
            time: format!("{:.9}", Timestamp::now()),
            sink: self.sink.map(Cow::from),
            identity: self.identity.map(Cow::from),
            source: self.source.into(),
            labelled: self.labelled,
            reason: self.reason.into(),
            format: match self.format {
                Format::Grpc => RecordFormat::Grpc,
                Format::JsonLine => RecordFormat::Json,
            },
            bytes: (!is_all).then(|| STANDARD.encode(self.bytes)),
            alert,
        };
        // There is nothing in it that has no JSON.
        let mut line = serde_json::to_string(&record).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Falco's own JSON of it. None of what is no alert.
    fn json(&self) -> Option<Box<RawValue>> {
        let alert = Alert::read(self.bytes.to_vec(), self.format).ok()?;
        let json = alert.falco_json().to_string();
        RawValue::from_string(json).ok()
    }

    /// It for a log, which cuts it.
    pub(super) fn content(&self) -> String {
        match self.json() {
            Some(json) => json.get().to_owned(),
            None => Hex(self.bytes).to_string(),
        }
    }
}

impl fmt::Display for GivenUp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sink {
            Some(sink) => write!(f, "{sink}: an alert is given up: {}", self.reason),
            None => write!(
                f,
                "an alert of {} is given up: {}",
                self.source, self.reason
            ),
        }
    }
}

/// An alert that a sink could not take, out of a [`DeadLetterFile`](super::DeadLetterFile).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// When it was given up.
    pub time: SystemTime,
    /// The sink that could not take it, without what is secret in its address. None where the alert was
    /// damaged, so that no sink could have it.
    pub sink: Option<String>,
    /// The endpoint that it came from.
    pub source: String,
    /// Why it was given up.
    pub reason: String,
    /// Whether the sink was to get it with its source in the output field `relay.source`.
    pub labelled: bool,
    pub(crate) identity: Option<String>,
    pub(crate) format: Format,
    /// The message, as it was in the spool.
    pub(crate) bytes: Vec<u8>,
    /// As it is in the file, without its line break.
    pub(super) line: String,
}

impl DeadLetter {
    /// # Errors
    ///
    /// What is wrong with the line.
    pub(super) fn read(line: &str) -> std::result::Result<DeadLetter, String> {
        let record: Record = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let bytes = match (&record.bytes, &record.alert) {
            (Some(bytes), _) => STANDARD
                .decode(bytes.as_bytes())
                .map_err(|error| error.to_string())?,
            (None, Some(alert)) => line_message(alert.get().as_bytes())?,
            (None, None) => return Err("it has neither an alert nor its bytes".to_owned()),
        };
        let time: Timestamp = record
            .time
            .parse()
            .map_err(|error: jiff::Error| error.to_string())?;
        Ok(DeadLetter {
            time: time.into(),
            sink: record.sink.map(Cow::into_owned),
            identity: record.identity.map(Cow::into_owned),
            source: record.source.into_owned(),
            reason: record.reason.into_owned(),
            labelled: record.labelled,
            format: match record.format {
                RecordFormat::Grpc => Format::Grpc,
                RecordFormat::Json => Format::JsonLine,
            },
            bytes,
            line: line.to_owned(),
        })
    }

    /// The line of JSON that it is in the file.
    pub fn raw_json(&self) -> &str {
        &self.line
    }

    /// The alert that the sink could not take.
    ///
    /// # Errors
    ///
    /// [`Error::Undecodable`] for what is no alert.
    pub fn alert(&self) -> Result<Alert> {
        Alert::read(self.bytes.clone(), self.format)
            .map_err(|error: Error| error.received_from(&self.source))
    }
}
