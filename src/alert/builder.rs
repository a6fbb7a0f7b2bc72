//! Alerts made by a program.

use std::time::SystemTime;

use super::{time, wire, Alert};
use crate::error::Result;
use crate::priority::Priority;

/// Makes an [`Alert`], for tests and servers. The time is that of [`build`](AlertBuilder::build)
/// unless it is set; any other field that is not set is absent from the message.
///
/// ```
/// use falco_client::{Alert, Priority};
///
/// let alert = Alert::builder()
///     .priority(Priority::Warning)
///     .rule("Terminal shell in container")
///     .field("proc.name", "sh")
///     .source("syscall")
///     .build();
/// assert_eq!(alert.field("proc.name"), Some("sh"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct AlertBuilder {
    time: EventTime,
    priority: i32,
    source_number: i32,
    rule: String,
    output: Vec<u8>,
    fields: Vec<(String, String)>,
    hostname: String,
    tags: Vec<String>,
    source: String,
}

#[derive(Clone, Copy, Debug, Default)]
enum EventTime {
    /// When the message is made.
    #[default]
    Now,
    /// In seconds and nanoseconds since the epoch.
    At(i64, i32),
    Absent,
}

impl AlertBuilder {
    /// When the event happened. Default: the time of [`build`](AlertBuilder::build).
    pub fn time(self, time: SystemTime) -> Self {
        let (seconds, nanos) = time::since_epoch(time);
        self.timestamp(seconds, nanos)
    }

    /// The time as on the wire.
    pub(crate) fn timestamp(mut self, seconds: i64, nanos: i32) -> Self {
        self.time = EventTime::At(seconds, nanos);
        self
    }

    /// Leaves the time out of the message, so that the same settings always make the same bytes.
    /// [`Alert::time`] is the epoch then, 1970.
    pub fn without_time(mut self) -> Self {
        self.time = EventTime::Absent;
        self
    }

    /// The priority. Default: Emergency, which is 0 on the wire.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority.number();
        self
    }

    /// The name of the rule that matched.
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = rule.into();
        self
    }

    /// The formatted text.
    pub fn output(self, output: impl Into<String>) -> Self {
        self.output_bytes(output.into())
    }

    /// The output, which may not be UTF-8 where it is a line of Falco's.
    pub(crate) fn output_bytes(mut self, output: impl Into<Vec<u8>>) -> Self {
        self.output = output.into();
        self
    }

    /// Adds an output field. Of several values for a name, the last one counts.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// The name of the host that Falco runs on.
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The name of the event's source. Also sets the deprecated enum, as Falco does: `PLUGIN` for
    /// every other name.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self.source_number = match self.source.as_str() {
            "" | "syscall" => 0,
            "k8s_audit" => 1,
            "internal" => 2,
            _ => 3,
        };
        self
    }

    /// Makes the alert.
    ///
    /// # Panics
    ///
    /// When the message would have 1 GiB or more.
    pub fn build(&self) -> Alert {
        match self.try_build() {
            Ok(alert) => alert,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn try_build(&self) -> Result<Alert> {
        Alert::from_bytes(self.encode())
    }

    /// In the order of the field numbers, as Falco writes them.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut message = Vec::new();
        let time = match self.time {
            EventTime::Now => Some(time::since_epoch(SystemTime::now())),
            EventTime::At(seconds, nanos) => Some((seconds, nanos)),
            EventTime::Absent => None,
        };
        if let Some((seconds, nanos)) = time {
            let mut time = Vec::new();
            put_number(&mut time, wire::SECONDS, seconds);
            put_number(&mut time, wire::NANOS, nanos.into());
            put_bytes(&mut message, wire::TIME, &time);
        }
        put_number(&mut message, wire::PRIORITY, self.priority.into());
        put_number(
            &mut message,
            wire::SOURCE_DEPRECATED,
            self.source_number.into(),
        );
        put_text(&mut message, wire::RULE, &self.rule);
        if !self.output.is_empty() {
            put_bytes(&mut message, wire::OUTPUT, &self.output);
        }
        let mut entry = Vec::new();
        for (name, value) in &self.fields {
            entry.clear();
            put_bytes(&mut entry, wire::KEY, name.as_bytes());
            put_bytes(&mut entry, wire::VALUE, value.as_bytes());
            put_bytes(&mut message, wire::OUTPUT_FIELDS, &entry);
        }
        put_text(&mut message, wire::HOSTNAME, &self.hostname);
        for tag in &self.tags {
            put_bytes(&mut message, wire::TAGS, tag.as_bytes());
        }
        put_text(&mut message, wire::SOURCE, &self.source);
        message.shrink_to_fit();
        message
    }
}

pub(super) fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

pub(super) fn put_bytes(message: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    put_varint(message, tag.into());
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

/// Zero is what an absent field means.
fn put_number(message: &mut Vec<u8>, tag: u32, value: i64) {
    if value != 0 {
        put_varint(message, tag.into());
        put_varint(message, value as u64);
    }
}

fn put_text(message: &mut Vec<u8>, tag: u32, text: &str) {
    if !text.is_empty() {
        put_bytes(message, tag, text.as_bytes());
    }
}
