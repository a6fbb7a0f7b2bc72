//! The one error type.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use grpcio::RpcStatusCode;

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// Everything that can go wrong, each with what failed, on what, and what to do about it.
///
/// The text of an error fits on one line and ends with the remedy. Causes are reachable by
/// [`source`](StdError::source).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An endpoint that cannot be understood.
    Endpoint {
        /// The endpoint as it was given.
        endpoint: String,
        /// What is wrong with it, and what to write instead.
        problem: String,
    },
    /// An option of [`Config`](crate::Config) that has an impossible value or misses another.
    Config {
        /// The option's name.
        option: &'static str,
        /// What is wrong with it, and what to write instead.
        problem: String,
    },
    /// A certificate or key that cannot be used. Seen before anything is sent.
    Tls {
        /// The file, or which of the PEM texts.
        what: String,
        /// What is wrong with it, and the remedy.
        problem: String,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// Falco cannot be reached, or the connection to it was lost.
    Unavailable {
        /// Where Falco was expected.
        endpoint: String,
        /// What was found there, and the remedy.
        problem: String,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// The server's certificate does not prove that it is the one meant: it is for another name, or
    /// was signed by another CA. Nothing was sent.
    Untrusted {
        /// The server.
        endpoint: String,
        /// What is wrong with the certificate, and the remedy.
        problem: String,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// The server does not have the method, nor the one that older Falcos have in its place.
    Unimplemented {
        /// The server.
        endpoint: String,
        /// The method, as in `falco.outputs.service/get`.
        method: &'static str,
    },
    /// Nothing came in the time that was allowed.
    Timeout {
        /// The server.
        endpoint: String,
        /// The time that was allowed.
        after: Duration,
    },
    /// An alert was larger than [`Config::max_message_bytes`](crate::Config::max_message_bytes). It
    /// is lost. A `get` ends with it, a subscription goes on.
    TooLarge {
        /// The server.
        endpoint: String,
        /// The two sizes, in C-core's words.
        sizes: String,
    },
    /// The server ended a call with any other status.
    Status {
        /// The server.
        endpoint: String,
        /// The status code of gRPC.
        code: RpcStatusCode,
        /// The server's text.
        message: String,
    },
    /// What was posted as an alert, or is a line among alerts, and is not Falco's JSON: Falco writes
    /// text where `json_output` is not true in `falco.yaml`. The next one follows.
    Line {
        /// Where it came from.
        endpoint: String,
        /// It, exactly as it was received.
        line: Box<[u8]>,
        /// What is wrong with it.
        problem: String,
    },
    /// An alert that is no valid protobuf message. The next one follows.
    Undecodable {
        /// The message, exactly as received.
        bytes: Box<[u8]>,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// Text that is not an alert in Falco's JSON.
    Json {
        /// The cause.
        source: serde_json::Error,
    },
    /// A descriptor that cannot be used to decode alerts.
    Descriptor {
        /// The file, or what was given instead.
        what: String,
        /// What is wrong with it, and the remedy.
        problem: String,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// A recording that cannot be read.
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        problem: String,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// The folder in which a relay keeps what is not delivered cannot be used.
    Spool {
        /// The folder, or a file in it.
        path: PathBuf,
        /// What is wrong with it, and the remedy.
        problem: String,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// Nothing can listen there: the embedded Falco, or a client whose alerts are posted.
    Listen {
        /// Where it was told to listen.
        endpoint: String,
        /// What is wrong, and the remedy.
        problem: String,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// A blocking call on the thread that delivers the bytes, where it would wait for itself.
    WouldDeadlock {
        /// The call.
        call: &'static str,
    },
    /// The callback panicked. Its subscription has ended.
    CallbackPanicked,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Endpoint { endpoint, problem } => {
                write!(f, "endpoint {endpoint:?}: {problem}")
            }
            Error::Config { option, problem } => write!(f, "{option}: {problem}"),
            Error::Tls { what, problem, .. } | Error::Descriptor { what, problem, .. } => {
                write!(f, "{what}: {problem}")
            }
            Error::Unavailable {
                endpoint, problem, ..
            }
            | Error::Untrusted {
                endpoint, problem, ..
            }
            | Error::Listen {
                endpoint, problem, ..
            } => write!(f, "{endpoint}: {problem}"),
            Error::Unimplemented { endpoint, method } if method.contains("version") => write!(
                f,
                "{endpoint}: the server does not tell its version ({method}); Falco 0.18 and 0.19 \
                 don't, but serve alerts all the same"
            ),
            Error::Unimplemented { endpoint, method } => write!(
                f,
                "{endpoint}: the server has no alerts to give: neither {method}, as Falco 0.24 to \
                 0.43, nor falco.output.service/subscribe, as Falco 0.18 to 0.23. Falco 0.44 and \
                 later have no gRPC: there, let http_output send the alerts to the endpoint \
                 listen+http://ADDR:PORT; else see whether this is Falco's grpc.bind_address"
            ),
            Error::Timeout { endpoint, after } => write!(
                f,
                "{endpoint}: no answer within {after:?}; see whether Falco is running and not \
                 stopped, or allow more time"
            ),
            Error::TooLarge { endpoint, sizes } => write!(
                f,
                "{endpoint}: an alert was too large and is lost ({sizes}); allow more with \
                 max_message_bytes"
            ),
            Error::Status {
                endpoint,
                code,
                message,
            } => {
                write!(f, "{endpoint}: the server ended the call with {code}")?;
                if !message.is_empty() {
                    write!(f, " ({})", message.escape_debug())?;
                }
                Ok(())
            }
            Error::Line {
                endpoint,
                line,
                problem,
            } => write!(
                f,
                "{endpoint}: {problem}, so that it is no alert in Falco's JSON; see that json_output \
                 is true in falco.yaml: {}{}",
                Shown(line),
                if line.len() > SHOWN { " …" } else { "" }
            ),
            Error::Undecodable { bytes, problem } => write!(
                f,
                "an alert of {} bytes is no valid protobuf message: {problem}; its bytes are in \
                 this error",
                bytes.len()
            ),
            Error::Json { source } => write!(f, "not an alert in Falco's JSON: {source}"),
            Error::Recording { path, problem, .. } => {
                write!(f, "recording {}: {problem}", path.display())
            }
            Error::Spool { path, problem, .. } => {
                write!(f, "spool {}: {problem}", path.display())
            }
            Error::WouldDeadlock { call } => write!(
                f,
                "{call} waits for the thread that it was called on; call it from another thread \
                 than a callback's, or use its async form"
            ),
            Error::CallbackPanicked => {
                f.write_str("the callback panicked, so that its subscription was ended")
            }
        }
    }
}

/// So much of a line stands in an error's text.
const SHOWN: usize = 200;

/// The start of what came from anywhere, on one line.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.0.get(..SHOWN).unwrap_or(self.0);
        write!(f, "{}", String::from_utf8_lossy(start).escape_debug())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Tls { source, .. }
            | Error::Unavailable { source, .. }
            | Error::Untrusted { source, .. }
            | Error::Descriptor { source, .. }
            | Error::Recording { source, .. }
            | Error::Spool { source, .. }
            | Error::Listen { source, .. } => match source {
                Some(cause) => Some(&**cause),
                None => None,
            },
            Error::Json { source } => Some(source),
            _ => None,
        }
    }
}
