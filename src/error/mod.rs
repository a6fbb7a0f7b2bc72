//! The one error type.

mod make;
mod problem;
mod status_code;
mod text;

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

use crate::format::Format;

pub(crate) use make::TEXT_REMEDY;
pub(crate) use problem::Problem;
pub use status_code::StatusCode;

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// Everything that can go wrong: what failed, on what, and what to do about it.
///
/// The fields have these as data, and [`remedy`](Error::remedy) has the remedy of any variant. The
/// text is one line, `what: problem; remedy`. Causes are reachable by
/// [`source`](StdError::source).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A text that is no endpoint, or an endpoint that cannot do what was asked of it.
    #[non_exhaustive]
    Endpoint {
        /// The endpoint as it was given.
        endpoint: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
    },
    /// An option that has an impossible value, lacks another, or has no effect on this kind of
    /// endpoint: of [`Config`](crate::Config), of a server or of a relay.
    #[non_exhaustive]
    Config {
        /// The option's name.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
    },
    /// A certificate or key that cannot be used. Detected before anything is sent.
    #[non_exhaustive]
    Tls {
        /// The file, or which of the PEM texts.
        what: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// The server cannot be reached, or the connection to it was lost; a file cannot be read.
    #[non_exhaustive]
    Unavailable {
        /// Where alerts were expected.
        endpoint: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// The server's certificate does not prove that it is the one that is meant: it is for another
    /// name, or another CA signed it. Nothing was sent.
    #[non_exhaustive]
    Untrusted {
        /// The server.
        endpoint: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// The server has neither the method nor the one that older versions of Falco have in its place.
    #[non_exhaustive]
    Unimplemented {
        /// The server.
        endpoint: String,
        /// The method, such as `falco.outputs.service/get`.
        method: &'static str,
    },
    /// No answer came in time.
    #[non_exhaustive]
    Timeout {
        /// The server.
        endpoint: String,
        /// The time that was allowed.
        after: Duration,
    },
    /// An alert was larger than [`Config::max_message_bytes`](crate::Config::max_message_bytes) and
    /// is lost. A `get` ends with this error, a subscription continues.
    #[non_exhaustive]
    TooLarge {
        /// Where it came from.
        endpoint: String,
        /// Its size in bytes, where it is known.
        size: Option<u64>,
        /// The largest size in bytes that is accepted, where it is known.
        limit: Option<u64>,
    },
    /// The server ended a call with another status.
    #[non_exhaustive]
    Status {
        /// The server.
        endpoint: String,
        /// The status code.
        code: StatusCode,
        /// The server's text. It may be empty.
        message: String,
    },
    /// A message that is no alert: no valid protobuf message over gRPC, or no JSON of Falco's where
    /// alerts are posted or read as lines. The next alert follows.
    #[non_exhaustive]
    Undecodable {
        /// Where it came from; none for bytes that a program passed itself.
        endpoint: Option<String>,
        /// The message, exactly as received.
        bytes: Box<[u8]>,
        /// What it was received as.
        format: Format,
        /// What is wrong with it, and where.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
    },
    /// Text that is not an alert in Falco's JSON.
    #[non_exhaustive]
    Json {
        /// The cause.
        source: serde_json::Error,
    },
    /// A descriptor that cannot be used to decode alerts.
    #[non_exhaustive]
    Descriptor {
        /// The file, or what was given instead.
        what: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// A recording that cannot be read.
    #[non_exhaustive]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// The folder in which a relay keeps undelivered alerts cannot be used.
    #[non_exhaustive]
    Spool {
        /// The folder, or a file in it.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// A [`Position`](crate::Position) that cannot be read, or not be saved.
    #[non_exhaustive]
    Position {
        /// The file, or the text.
        what: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// An address cannot be listened on, or the thread that serves it cannot be started.
    #[non_exhaustive]
    Listen {
        /// The address.
        endpoint: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        remedy: Option<String>,
        /// The cause, where there is one.
        source: Option<Cause>,
    },
    /// A blocking call on the thread that delivers alerts, which it would block for ever.
    #[non_exhaustive]
    WouldDeadlock {
        /// The call.
        call: &'static str,
    },
    /// The callback panicked, and its call or subscription was ended.
    #[non_exhaustive]
    CallbackPanicked {
        /// Where its alerts came from.
        endpoint: String,
    },
}

impl Error {
    /// Whether what failed may pass by itself, so that the same call may succeed later with nothing
    /// changed on this side. A subscription continues after such an error.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unavailable { .. }
            | Error::Timeout { .. }
            | Error::TooLarge { .. }
            | Error::Undecodable { .. } => true,
            Error::Status { code, .. } => !matches!(
                code,
                StatusCode::Unauthenticated | StatusCode::PermissionDenied
            ),
            Error::Endpoint { .. }
            | Error::Config { .. }
            | Error::Tls { .. }
            | Error::Untrusted { .. }
            | Error::Unimplemented { .. }
            | Error::Json { .. }
            | Error::Descriptor { .. }
            | Error::Recording { .. }
            | Error::Spool { .. }
            | Error::Position { .. }
            | Error::Listen { .. }
            | Error::WouldDeadlock { .. }
            | Error::CallbackPanicked { .. } => false,
        }
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
            | Error::Position { source, .. }
            | Error::Listen { source, .. } => match source {
                Some(cause) => Some(&**cause),
                None => None,
            },
            Error::Json { source } => Some(source),
            Error::Endpoint { .. }
            | Error::Config { .. }
            | Error::Unimplemented { .. }
            | Error::Timeout { .. }
            | Error::TooLarge { .. }
            | Error::Status { .. }
            | Error::Undecodable { .. }
            | Error::WouldDeadlock { .. }
            | Error::CallbackPanicked { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
