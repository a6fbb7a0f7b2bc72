//! An error as one line of text.

use std::fmt;

use super::{Error, StatusCode};
use crate::format::Format;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.without_remedy())?;
        match self.remedy() {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// What to do about it: the end of the error's text, behind the semicolon. None where this side
    /// can do nothing.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Error::Endpoint { remedy, .. }
            | Error::Config { remedy, .. }
            | Error::Tls { remedy, .. }
            | Error::Unavailable { remedy, .. }
            | Error::Untrusted { remedy, .. }
            | Error::Undecodable { remedy, .. }
            | Error::Descriptor { remedy, .. }
            | Error::Recording { remedy, .. }
            | Error::Spool { remedy, .. }
            | Error::Position { remedy, .. }
            | Error::Listen { remedy, .. } => remedy.as_deref(),
            Error::Unimplemented { method, .. } => Some(match is_version(method) {
                true => {
                    "Falco 0.18 and 0.19 have no version to report, and serve alerts all the same"
                }
                false => {
                    "Falco 0.44 and later have no gRPC: there, let http_output send the alerts to \
                     the endpoint listen+http://ADDR:PORT; else see whether this is Falco's \
                     grpc.bind_address"
                }
            }),
            Error::Timeout { .. } => {
                Some("see whether Falco is running and not stopped, or allow more time")
            }
            Error::TooLarge { .. } => Some("allow more with max_message_bytes"),
            Error::Status { code, .. } => Some(match code {
                StatusCode::Unauthenticated | StatusCode::PermissionDenied => {
                    "see which clients the server, or a proxy before it, admits"
                }
                _ => "see the log of the server",
            }),
            Error::Json { .. } => Some("give it as Falco writes it where json_output is true"),
            Error::WouldDeadlock { .. } => {
                Some("call it from another thread than a callback's, or use its async form")
            }
            Error::CallbackPanicked { .. } => Some("see the panic's own message"),
        }
    }
}

impl Error {
    /// What failed and why, for a text that has the remedy elsewhere.
    pub(crate) fn without_remedy(&self) -> WithoutRemedy<'_> {
        WithoutRemedy(self)
    }
}

pub(crate) struct WithoutRemedy<'a>(&'a Error);

impl fmt::Display for WithoutRemedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Error::Endpoint {
                endpoint, problem, ..
            } => write!(f, "endpoint {endpoint:?}: {problem}"),
            Error::Config {
                option, problem, ..
            } => write!(f, "{option}: {problem}"),
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
            Error::Unimplemented { endpoint, method } if is_version(method) => {
                write!(
                    f,
                    "{endpoint}: the server does not report its version ({method})"
                )
            }
            Error::Unimplemented { endpoint, method } => write!(
                f,
                "{endpoint}: the server has no alerts to give: neither {method}, as Falco 0.24 to \
                 0.43, nor falco.output.service/subscribe, as Falco 0.18 to 0.23"
            ),
            Error::Timeout { endpoint, after } => {
                write!(f, "{endpoint}: no answer within {after:?}")
            }
            Error::TooLarge {
                endpoint,
                size,
                limit,
            } => {
                write!(f, "{endpoint}: an alert ")?;
                if let Some(size) = size {
                    write!(f, "of {size} bytes ")?;
                }
                f.write_str("was too large and is lost")?;
                match limit {
                    Some(limit) => write!(f, " (the limit is {limit} bytes)"),
                    None => Ok(()),
                }
            }
            Error::Status {
                endpoint,
                code,
                message,
            } => {
                write!(f, "{endpoint}: the server ended the call with {code}")?;
                match message.as_str() {
                    "" => Ok(()),
                    message => write!(f, " ({})", message.escape_debug()),
                }
            }
            Error::Undecodable {
                endpoint,
                bytes,
                format,
                problem,
                ..
            } => {
                if let Some(endpoint) = endpoint {
                    write!(f, "{endpoint}: ")?;
                }
                match format {
                    Format::Grpc => write!(
                        f,
                        "an alert of {} bytes is no valid protobuf message: {problem}",
                        bytes.len()
                    ),
                    Format::JsonLine => write!(
                        f,
                        "this is no alert in Falco's JSON ({problem}): {}",
                        Start(bytes)
                    ),
                }
            }
            Error::Json { source } => write!(f, "not an alert in Falco's JSON: {source}"),
            Error::Recording { path, problem, .. } => {
                write!(f, "recording {}: {problem}", path.display())
            }
            Error::Spool { path, problem, .. } => {
                write!(f, "spool {}: {problem}", path.display())
            }
            Error::Position { what, problem, .. } => {
                write!(f, "position {what}: {problem}")
            }
            Error::WouldDeadlock { call } => {
                write!(f, "{call} waits for the thread that it was called on")
            }
            Error::CallbackPanicked { endpoint } => write!(
                f,
                "{endpoint}: the callback panicked, so that its subscription was ended"
            ),
        }
    }
}

fn is_version(method: &str) -> bool {
    method.contains("version")
}

/// How many bytes of a message its error's text shows.
const SHOWN: usize = 200;

/// The start of a message that may hold anything, on one line.
struct Start<'a>(&'a [u8]);

impl fmt::Display for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, more) = match self.0.get(..SHOWN) {
            Some(start) if start.len() < self.0.len() => (start, " …"),
            _ => (self.0, ""),
        };
        let text = String::from_utf8_lossy(start);
        write!(f, "{}{more}", text.escape_debug())
    }
}
