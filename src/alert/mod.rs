//! An alert: the bytes of its message, and where its fields are.

mod builder;
mod encode;
mod message;
mod parse;
mod repair;
mod time;
mod wire;

use std::fmt;
use std::time::SystemTime;

use protobuf::UnknownValueRef;

use crate::error::{Error, Result};
use crate::position::Position;
use crate::priority::Priority;
use parse::{Index, TextSpan};

pub(crate) use crate::format::Format;
pub use builder::AlertBuilder;
pub(crate) use encode::{source_number, Parts};
pub(crate) use parse::{LONGEST, TOO_LONG};
pub(crate) use repair::repair;
pub(crate) use time::normal;

/// The names of the deprecated enum `falco.schema.source` by number.
const SOURCES: [&str; 4] = ["syscall", "k8s_audit", "internal", "plugin"];

/// An alert of Falco: the bytes of a message `falco.outputs.response` as received, and the positions
/// of its fields.
///
/// Reading a field does not allocate. Falco may send text that is not UTF-8: it is read with U+FFFD in
/// place of the invalid bytes, and [`is_lossy`](Alert::is_lossy) is true. Of a field that occurs more
/// than once, the last one counts, as in protobuf.
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
    position: Option<Box<Position>>,
}

impl Alert {
    /// Decodes a message. A vector without spare capacity is kept, not copied.
    ///
    /// # Errors
    ///
    /// [`Error::Undecodable`], which returns the bytes, when they are no valid protobuf message, or
    /// 1 GiB or more.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Alert> {
        Alert::read(bytes.into(), Format::Grpc)
    }

    /// Decodes a message that was received in this format.
    pub(crate) fn read(bytes: Vec<u8>, format: Format) -> Result<Alert> {
        let bytes = bytes.into_boxed_slice();
        let problem = if bytes.len() > LONGEST {
            TOO_LONG.to_owned()
        } else {
            match Index::read(&bytes) {
                Ok(mut index) => {
                    index.format = format;
                    return Ok(Alert {
                        bytes,
                        index,
                        position: None,
                    });
                }
                Err(problem) => problem.to_string(),
            }
        };
        Err(Error::not_protobuf(bytes, problem))
    }

    /// The same, as it was read from a file before this position.
    pub(crate) fn before(self, position: Option<Box<Position>>) -> Alert {
        Alert { position, ..self }
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

    /// When the event happened; the Unix epoch where the message has no time. A time outside the
    /// years 1 to 9999, which no Falco sends, is their first or last moment.
    pub fn time(&self) -> SystemTime {
        time::system_time(self.index.seconds, self.index.nanos)
    }

    /// The seconds of the time since the Unix epoch, as on the wire: any value.
    pub fn seconds(&self) -> i64 {
        self.index.seconds
    }

    /// The nanoseconds to add to [`seconds`](Alert::seconds), as on the wire: any value.
    pub fn nanos(&self) -> i32 {
        self.index.nanos
    }

    /// Whether the message has a time at all.
    pub(crate) fn has_time(&self) -> bool {
        self.index.has_time
    }

    /// The priority of the rule. A message without one has the number 0, which is Emergency.
    pub fn priority(&self) -> Priority {
        Priority::from_number(self.index.priority)
    }

    /// The name of the rule that matched.
    pub fn rule(&self) -> &str {
        self.text(self.index.rule)
    }

    /// The formatted text, which may contain newlines and control characters. Where Falco runs with
    /// `json_output: true`, and for every alert that was not received over gRPC, it is the alert's JSON
    /// line.
    pub fn output(&self) -> &str {
        self.text(self.index.output)
    }

    /// Falco's own JSON exactly as received, of an alert that was posted by `http_output` or was a line
    /// of a file or of standard input. None of an alert that was received over gRPC.
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

    /// The format in which it was received.
    pub fn format(&self) -> Format {
        self.index.format
    }

    /// Where reading goes on after this alert, if it was read from a file: see
    /// [`Config::resume`](crate::Config::resume). None of what was not.
    pub fn position(&self) -> Option<&Position> {
        self.position.as_deref()
    }

    /// The name of the host that Falco runs on. Since Falco 0.19.
    pub fn hostname(&self) -> &str {
        self.text(self.index.hostname)
    }

    /// The name of the event's source: `syscall`, `k8s_audit`, `internal` for alerts that Falco
    /// makes about itself, or that of a plugin.
    ///
    /// A Falco before 0.32 sends only [`source_number`](Alert::source_number): the source is the name
    /// of this number in lower case, and empty for an unknown number.
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

    /// The text of field 9 alone: empty before Falco 0.32.
    pub(crate) fn source_text(&self) -> &str {
        self.text(self.index.source)
    }

    /// The tags of the rule. Since Falco 0.30.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &str> {
        self.index.tags().map(|tag| self.text(tag))
    }

    /// The value of an output field such as `proc.cmdline`. Falco writes `<NA>` for null, `true` and
    /// `false` for booleans, and `(a,b)` for a list.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.index.fields();
        let (_, value) = fields.find(|(key, _)| self.slice(*key) == name.as_bytes())?;
        Some(self.text(value))
    }

    /// The names and values of the output fields, in the order of the wire; each name once.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.index
            .fields()
            .map(|(key, value)| (self.text(key), self.text(value)))
    }

    /// The same as bytes, which are not checked again.
    pub(crate) fn field_bytes(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.index
            .fields()
            .map(|(key, value)| (self.slice(key), self.slice(value)))
    }

    /// Whether some text was not UTF-8 and is read with U+FFFD in place of its invalid bytes, which
    /// [`as_bytes`](Alert::as_bytes) still has.
    pub fn is_lossy(&self) -> bool {
        self.index.repaired.is_some()
    }

    /// The fields that this version does not know, as a newer Falco may send them.
    pub(crate) fn unknown_fields(&self) -> impl Iterator<Item = (u32, UnknownValueRef<'_>)> {
        // Finding them takes as long as decoding the message.
        let bytes = if self.index.has_unknown {
            &*self.bytes
        } else {
            &[]
        };
        wire::unknown_fields(bytes)
    }

    fn slice(&self, span: TextSpan) -> &[u8] {
        let repaired = self.index.repaired.as_deref().map(|texts| &**texts);
        parse::slice(&self.bytes, repaired, span)
    }

    fn text(&self, span: TextSpan) -> &str {
        // Checked when it was decoded, and again here, as the alternative is unsafe code.
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
