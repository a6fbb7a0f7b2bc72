//! What lines are wrapped in.

/// One layer around an alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Envelope {
    Cri,
    DockerJson,
    JournalJson,
    JsonLog,
    Syslog,
    Rfc5424,
    Timestamp,
    Prefix,
    Logfmt,
    SeveralLines,
    Colours,
}

impl Envelope {
    /// As a log names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Envelope::Cri => "Kubernetes' CRI format",
            Envelope::DockerJson => "Docker's json-file format",
            Envelope::JournalJson => "journald's JSON format",
            Envelope::JsonLog => "JSON objects of a log collector",
            Envelope::Syslog => "syslog's format, with a head before each alert",
            Envelope::Rfc5424 => "syslog's format of RFC 5424",
            Envelope::Timestamp => "lines with a time before each alert",
            Envelope::Prefix => "lines with a prefix before each alert",
            Envelope::Logfmt => "logfmt",
            Envelope::SeveralLines => "JSON over several lines",
            Envelope::Colours => "lines with colours",
        }
    }
}

/// A set of layers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Layers(u16);

impl Layers {
    pub(super) fn with(self, envelope: Envelope) -> Layers {
        Layers(self.0 | 1 << envelope as u8)
    }

    pub(super) fn has(self, envelope: Envelope) -> bool {
        self.0 & (1 << envelope as u8) != 0
    }

    pub(super) fn without(self, others: Layers) -> impl Iterator<Item = Envelope> {
        use Envelope::{
            Colours, Cri, DockerJson, JournalJson, JsonLog, Logfmt, Prefix, Rfc5424, SeveralLines,
            Syslog, Timestamp,
        };
        let all = [
            Cri,
            DockerJson,
            JournalJson,
            JsonLog,
            Syslog,
            Rfc5424,
            Timestamp,
            Prefix,
            Logfmt,
            SeveralLines,
            Colours,
        ];
        all.into_iter()
            .filter(move |&one| self.has(one) && !others.has(one))
    }
}

/// Whether a text is a whole line, as far as its envelope knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// The rest of the line follows in the same stream.
    More,
    /// The line ends here.
    Last,
    /// The envelope cuts long lines and does not say where.
    Unknown,
}

/// What is left of a text without one layer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Peeled<'a> {
    pub envelope: Envelope,
    pub text: std::borrow::Cow<'a, [u8]>,
    /// Tells apart what is interleaved.
    pub stream: u64,
    pub part: Part,
    /// Other programs write there as well.
    pub shared: bool,
}
