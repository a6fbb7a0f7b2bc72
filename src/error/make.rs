//! Errors made of a problem with its remedy.

use std::fmt;
use std::io;
#[cfg(any(feature = "server", feature = "relay"))]
use std::path::PathBuf;

use super::{Cause, Error, Problem};
use crate::format::Format;

/// What to do where Falco writes its alerts as text.
pub(crate) const TEXT_REMEDY: &str = "set json_output: true in falco.yaml";

impl Error {
    /// The error of bytes that are no message of Falco's gRPC API. The endpoint is added by
    /// [`received_from`](Error::received_from), where it is known.
    pub(crate) fn not_protobuf(bytes: Box<[u8]>, problem: String) -> Error {
        let remedy = "if a Falco sent it, report it with its bytes, which are in this error";
        Error::Undecodable {
            endpoint: None,
            bytes,
            format: Format::Grpc,
            problem,
            remedy: Some(remedy.to_owned()),
        }
    }

    /// The error of a posted alert or a line that is not Falco's JSON. By default, Falco writes text.
    pub(crate) fn not_json(
        endpoint: impl fmt::Display,
        bytes: Box<[u8]>,
        problem: String,
    ) -> Error {
        Error::Undecodable {
            endpoint: Some(endpoint.to_string()),
            bytes,
            format: Format::JsonLine,
            problem,
            remedy: Some("see that json_output is true in falco.yaml".to_owned()),
        }
    }

    /// The error of the first alert that Falco wrote as text there.
    pub(crate) fn text(endpoint: impl fmt::Display, bytes: Box<[u8]>) -> Error {
        Error::Undecodable {
            endpoint: Some(endpoint.to_string()),
            bytes,
            format: Format::JsonLine,
            problem: "Falco writes its alerts as text, of which this is the first".to_owned(),
            remedy: Some(TEXT_REMEDY.to_owned()),
        }
    }

    /// Whether it is of alerts that Falco writes as text: a setting of Falco, not an alert, is wrong.
    #[cfg(feature = "relay")]
    pub(crate) fn is_of_text(&self) -> bool {
        self.remedy() == Some(TEXT_REMEDY)
    }

    /// The error of a thread that cannot be started, with its purpose, such as "to read it".
    pub(crate) fn no_thread(endpoint: impl fmt::Display, purpose: &str, error: io::Error) -> Error {
        let problem = format!("no thread {purpose}: {error}");
        Error::listen(
            endpoint,
            (problem, "allow more threads"),
            Some(error.into()),
        )
    }

    /// Adds the endpoint to the error of a message.
    pub(crate) fn received_from(mut self, from: impl fmt::Display) -> Error {
        if let Error::Undecodable { endpoint, .. } = &mut self {
            endpoint.get_or_insert_with(|| from.to_string());
        }
        self
    }

    pub(crate) fn endpoint(endpoint: impl fmt::Display, problem: impl Into<Problem>) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Endpoint {
            endpoint: endpoint.to_string(),
            problem,
            remedy,
        }
    }

    pub(crate) fn config(option: &'static str, problem: impl Into<Problem>) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Config {
            option,
            problem,
            remedy,
        }
    }

    pub(crate) fn tls(
        what: impl fmt::Display,
        problem: impl Into<Problem>,
        source: Option<Cause>,
    ) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Tls {
            what: what.to_string(),
            problem,
            remedy,
            source,
        }
    }

    pub(crate) fn unavailable(
        endpoint: impl fmt::Display,
        problem: impl Into<Problem>,
        source: Option<Cause>,
    ) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Unavailable {
            endpoint: endpoint.to_string(),
            problem,
            remedy,
            source,
        }
    }

    pub(crate) fn untrusted(
        endpoint: impl fmt::Display,
        problem: impl Into<Problem>,
        source: Option<Cause>,
    ) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Untrusted {
            endpoint: endpoint.to_string(),
            problem,
            remedy,
            source,
        }
    }

    pub(crate) fn descriptor(
        what: impl fmt::Display,
        problem: impl Into<Problem>,
        source: Option<Cause>,
    ) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Descriptor {
            what: what.to_string(),
            problem,
            remedy,
            source,
        }
    }

    #[cfg(feature = "server")]
    pub(crate) fn recording(
        path: impl Into<PathBuf>,
        problem: impl Into<Problem>,
        source: Option<Cause>,
    ) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Recording {
            path: path.into(),
            problem,
            remedy,
            source,
        }
    }

    #[cfg(feature = "relay")]
    pub(crate) fn spool(
        path: impl Into<PathBuf>,
        problem: impl Into<Problem>,
        source: Option<Cause>,
    ) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Spool {
            path: path.into(),
            problem,
            remedy,
            source,
        }
    }

    pub(crate) fn position(
        what: impl fmt::Display,
        problem: impl Into<Problem>,
        source: Option<Cause>,
    ) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Position {
            what: what.to_string(),
            problem,
            remedy,
            source,
        }
    }

    pub(crate) fn listen(
        endpoint: impl fmt::Display,
        problem: impl Into<Problem>,
        source: Option<Cause>,
    ) -> Error {
        let (problem, remedy) = problem.into().into_fields();
        Error::Listen {
            endpoint: endpoint.to_string(),
            problem,
            remedy,
            source,
        }
    }
}
