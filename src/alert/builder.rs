//! Alerts made by a program.

use std::time::SystemTime;

use super::encode::{source_number, Parts};
use super::{time, Alert};
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
    output: String,
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
    pub fn output(mut self, output: impl Into<String>) -> Self {
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
        self.source_number = source_number(&self.source);
        self
    }

    /// Makes the alert.
    ///
    /// # Panics
    ///
    /// When the message would have 1 GiB or more.
    pub fn build(&self) -> Alert {
        let time = match self.time {
            EventTime::Now => Some(time::since_epoch(SystemTime::now())),
            EventTime::At(seconds, nanos) => Some((seconds, nanos)),
            EventTime::Absent => None,
        };
        let parts = Parts {
            time,
            priority: self.priority,
            source_number: self.source_number,
            rule: &self.rule,
            output: self.output.as_bytes(),
            fields: &self.fields,
            hostname: &self.hostname,
            tags: &self.tags,
            source: &self.source,
        };
        match Alert::from_bytes(parts.encode()) {
            Ok(alert) => alert,
            Err(error) => panic!("{error}"),
        }
    }
}
