//! An alert over its bytes.

mod builder;
mod message;
mod parse;
mod repair;
mod time;
mod wire;

use std::fmt;
use std::time::SystemTime;

use protobuf::UnknownValueRef;

use crate::error::{Error, Result};
use crate::priority::Priority;
use parse::{Index, TextSpan};

pub(crate) use crate::format::Format;
pub use builder::AlertBuilder;
pub(crate) use repair::repair;
pub(crate) use time::normal;

/// The names of the deprecated enum `falco.schema.source` by number.
const SOURCES: [&str; 4] = ["syscall", "k8s_audit", "internal", "plugin"];

/// One alert of Falco: a message `falco.outputs.response`, kept as the bytes that came, with the
/// place of each field noted.
///
/// Reading a field costs no allocation. A text that is not UTF-8, which Falco does send, shows
/// U+FFFD in place of the bad bytes; [`is_lossy`](Alert::is_lossy) tells. Where a field occurs
/// more than once, protobuf's rules hold: the last one counts.
///
/// Two alerts are equal when their bytes are.
///
/// ```
/// # use falco_client::{Alert, Priority};
/// # let alert = Alert::builder().rule("Terminal shell").field("proc.name", "sh").build();
/// let alert = Alert::from_bytes(alert.as_bytes())?;
/// if alert.priority() >= Priority::Warning {
///     println!("{}: {:?}", alert.rule(), alert.field("proc.name"));
/// }
/// # Ok::<(), falco_client::Error>(())
/// ```
#[derive(Clone)]
pub struct Alert {
    bytes: Box<[u8]>,
    index: Index,
}

impl Alert {
    /// Reads a message. A vector without spare capacity is kept as it is, not copied.
    ///
    /// # Errors
    ///
    /// [`Error::Undecodable`], which gives the bytes back, when they are no protobuf message or
    /// 1 GiB or more.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Alert> {
        Alert::read(bytes.into(), Format::Grpc)
    }

    /// Reads a message that was received in this format.
    pub(crate) fn read(bytes: Vec<u8>, format: Format) -> Result<Alert> {
        let bytes = bytes.into_boxed_slice();
        let problem = if bytes.len() > parse::LONGEST {
            "messages of 1 GiB and more are not read".to_owned()
        } else {
            match Index::read(&bytes) {
                Ok(mut index) => {
                    index.format = format;
                    return Ok(Alert { bytes, index });
                }
                Err(problem) => problem.to_string(),
            }
        };
        Err(Error::not_protobuf(bytes, problem))
    }

    /// Makes an alert, for tests and servers.
    pub fn builder() -> AlertBuilder {
        AlertBuilder::default()
    }

    /// The message, exactly as received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message, exactly as received.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_vec()
    }

    /// When the event happened, UTC; the epoch where the message does not tell. Times outside the
    /// years 1 to 9999, which no Falco sends, become the first or last moment of these.
    pub fn time(&self) -> SystemTime {
        time::system_time(self.index.seconds, self.index.nanos)
    }

    /// The seconds of the time since the epoch, as on the wire: any value.
    pub fn seconds(&self) -> i64 {
        self.index.seconds
    }

    /// The nanoseconds beside [`seconds`](Alert::seconds), as on the wire: any value.
    pub fn nanos(&self) -> i32 {
        self.index.nanos
    }

    /// Whether the message has a time at all.
    pub(crate) fn has_time(&self) -> bool {
        self.index.has_time
    }

    /// The priority of the rule. Emergency is 0 and so what a message without one has.
    pub fn priority(&self) -> Priority {
        Priority::from_number(self.index.priority)
    }

    /// The name of the rule that matched.
    pub fn rule(&self) -> &str {
        self.text(self.index.rule)
    }

    /// The formatted text, which may hold newlines and control characters. It is the alert's native
    /// JSON line where Falco runs with `json_output: true`, and so for each that did not come over gRPC.
    pub fn output(&self) -> &str {
        self.text(self.index.output)
    }

    /// Falco's own JSON exactly as it came, where it came as that: posted by `http_output`, or as a
    /// line of a file or of standard input. None over gRPC.
    pub fn raw_json(&self) -> Option<&[u8]> {
        match self.index.format {
            Format::Grpc => return None,
            Format::JsonLine => {}
        }
        match self.is_lossy() {
            false => Some(self.slice(self.index.output)),
            true => wire::last_bytes(&self.bytes, wire::OUTPUT),
        }
    }

    /// What it was received as.
    pub fn format(&self) -> Format {
        self.index.format
    }

    /// The name of the host that Falco runs on. Since Falco 0.19.
    pub fn hostname(&self) -> &str {
        self.text(self.index.hostname)
    }

    /// The name of the event's source: `syscall`, `k8s_audit`, `internal` for alerts that Falco
    /// makes about itself, or a plugin's.
    ///
    /// A Falco before 0.32 sends only [`source_number`](Alert::source_number); then it is that
    /// one's name in lower case, and empty for a number that has none.
    pub fn source(&self) -> &str {
        match self.text(self.index.source) {
            "" => usize::try_from(self.index.source_number)
                .ok()
                .and_then(|number| SOURCES.get(number).copied())
                .unwrap_or_default(),
            source => source,
        }
    }

    /// The deprecated enum `falco.schema.source`, as on the wire: any value, 0 where it is absent.
    pub fn source_number(&self) -> i32 {
        self.index.source_number
    }

    /// Field 9 alone: empty before Falco 0.32.
    pub(crate) fn source_text(&self) -> &str {
        self.text(self.index.source)
    }

    /// The tags of the rule. Since Falco 0.30.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &str> {
        self.index.tags().map(|tag| self.text(tag))
    }

    /// The value of an output field, as `proc.cmdline`. Falco writes `<NA>` for null, `true` and
    /// `false`, and `(a,b)` for a list.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.index.fields();
        let (_, value) = fields.find(|(key, _)| self.slice(*key) == name.as_bytes())?;
        Some(self.text(value))
    }

    /// The output fields, names and values, in the order of the wire; each name once.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.index
            .fields()
            .map(|(key, value)| (self.text(key), self.text(value)))
    }

    /// Whether some text was not UTF-8, so that U+FFFD stands in place of its bad bytes.
    /// [`as_bytes`](Alert::as_bytes) still has them.
    pub fn is_lossy(&self) -> bool {
        self.index.repaired.is_some()
    }

    /// What a newer Falco sends beyond the fields that this version knows.
    pub(crate) fn unknown_fields(&self) -> impl Iterator<Item = (u32, UnknownValueRef<'_>)> {
        // To look for them costs as much as to read the message.
        let bytes = if self.index.has_unknown {
            &*self.bytes
        } else {
            &[]
        };
        wire::unknown_fields(bytes)
    }

    fn slice(&self, span: TextSpan) -> &[u8] {
        parse::slice(&self.bytes, self.index.repaired.as_deref(), span)
    }

    fn text(&self, span: TextSpan) -> &str {
        // Checked when it was read, and again here as the way around it is unsafe code.
        std::str::from_utf8(self.slice(span)).unwrap_or_default()
    }
}

impl PartialEq for Alert {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Alert {}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct FieldsDebug<'a>(&'a Alert);
        impl fmt::Debug for FieldsDebug<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.0.fields()).finish()
            }
        }
        f.debug_struct("Alert")
            .field("seconds", &self.seconds())
            .field("nanos", &self.nanos())
            .field("priority", &self.priority())
            .field("rule", &self.rule())
            .field("source", &self.source())
            .field("hostname", &self.hostname())
            .field("output", &self.output())
            .field("output_fields", &FieldsDebug(self))
            .field("tags", &self.tags().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
