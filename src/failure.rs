//! From a failed call to what is wrong and what to do.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use grpcio::RpcStatusCode;

use crate::endpoint::{probe, Endpoint};
use crate::error::{Cause, Error};

/// What a call to `method` that ended with `error` means.
pub(crate) fn explain(
    endpoint: &Endpoint,
    method: &'static str,
    deadline: Option<Duration>,
    error: grpcio::Error,
) -> Error {
    let name = endpoint.to_string();
    let status = match error {
        grpcio::Error::RpcFailure(status) | grpcio::Error::RpcFinished(Some(status)) => status,
        other => {
            let problem = format!("the call {} failed inside gRPC: {other}", shown(method));
            return Error::Unavailable {
                endpoint: name,
                problem,
                source: Some(other.into()),
            };
        }
    };
    match (status.code(), deadline) {
        (RpcStatusCode::UNAVAILABLE, _) => {
            let source = Some(Cause::from(grpcio::Error::RpcFailure(status.clone())));
            if let Some(problem) = told(UNTRUSTED, status.message()) {
                return Error::Untrusted {
                    endpoint: name,
                    problem: problem.into(),
                    source,
                };
            }
            let (problem, found) = unavailable(endpoint, status.message());
            Error::Unavailable {
                endpoint: name,
                problem,
                source: found.or(source),
            }
        }
        (RpcStatusCode::UNIMPLEMENTED, _) => Error::Unimplemented {
            endpoint: name,
            method: shown(method),
        },
        (RpcStatusCode::RESOURCE_EXHAUSTED, _) if status.message().contains(TOO_LARGE) => {
            Error::TooLarge {
                endpoint: name,
                sizes: status.message().to_owned(),
            }
        }
        (RpcStatusCode::DEADLINE_EXCEEDED, Some(after)) => Error::Deadline {
            endpoint: name,
            after,
        },
        (code, _) => Error::Status {
            endpoint: name,
            code,
            message: status.message().to_owned(),
        },
    }
}

pub(crate) fn is_unimplemented(error: &grpcio::Error) -> bool {
    matches!(error, grpcio::Error::RpcFailure(status)
        if status.code() == RpcStatusCode::UNIMPLEMENTED)
}

/// Whether an alert was larger than the client takes.
pub(crate) fn is_too_large(error: &grpcio::Error) -> bool {
    matches!(error, grpcio::Error::RpcFailure(status)
        if status.code() == RpcStatusCode::RESOURCE_EXHAUSTED && status.message().contains(TOO_LARGE))
}

/// C-core's words for it.
const TOO_LARGE: &str = "larger than max";

/// Whether what has failed may go by itself.
pub(crate) fn passes(error: &Error) -> bool {
    match error {
        Error::Unavailable { .. } | Error::Deadline { .. } | Error::TooLarge { .. } => true,
        Error::Status { code, .. } => ![
            RpcStatusCode::UNAUTHENTICATED,
            RpcStatusCode::PERMISSION_DENIED,
        ]
        .contains(code),
        _ => false,
    }
}

/// Whether C-core's word left open what exactly is wrong with a TLS connection.
pub(crate) fn is_vague(error: &Error) -> bool {
    match error {
        Error::Untrusted { .. } => true,
        Error::Unavailable {
            source: Some(source),
            ..
        } => match source.downcast_ref() {
            Some(grpcio::Error::RpcFailure(status)) => told(KNOWN, status.message())
                .is_none_or(|problem| [SILENT, TLS_FAILED].contains(&problem)),
            _ => false,
        },
        _ => false,
    }
}

/// A text with a reason for what it says, before its remedy.
pub(crate) fn because(text: &str, reason: &str) -> String {
    match text.split_once("; ") {
        Some((problem, remedy)) => format!("{problem} ({reason}); {remedy}"),
        None => format!("{text} ({reason})"),
    }
}

/// Why nothing can listen there.
pub(crate) fn cannot_listen(endpoint: &Endpoint, error: io::Error) -> Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => "end what listens there, or listen elsewhere",
        io::ErrorKind::NotFound => "make its folder first",
        io::ErrorKind::PermissionDenied => "listen where this user may, or run as another",
        io::ErrorKind::AddrNotAvailable => "give an address of this machine",
        _ => "listen elsewhere",
    };
    Error::Server {
        endpoint: endpoint.to_string(),
        problem: format!("cannot listen there: {error}; {remedy}"),
        source: Some(Cause::from(error)),
    }
}

fn shown(method: &'static str) -> &'static str {
    method.trim_start_matches('/')
}

fn unavailable(endpoint: &Endpoint, message: &str) -> (String, Option<Cause>) {
    if let Endpoint::Unix(path) = endpoint {
        if let Err((problem, error)) = look_at_socket(path) {
            return (problem.to_owned(), error.map(Cause::from));
        }
    }
    let problem = match (told(KNOWN, message), endpoint) {
        (Some(problem), _) => problem.to_owned(),
        (None, Endpoint::Tcp { .. }) if CLOSED.iter().any(|text| message.contains(text)) => {
            HUNG_UP.to_owned()
        }
        _ => format!(
            "the connection was lost ({}); see whether Falco is running, it may be restarting",
            message.escape_debug()
        ),
    };
    (problem, None)
}

pub(crate) const HUNG_UP: &str =
    "the connection was closed by the server: Falco ended, or was not offered what it demands on \
     its TCP port, TLS with a client certificate that its ca.crt signed";

pub(crate) const NO_TLS: &str =
    "what listens there speaks no TLS, as Falco does on its TCP port; see whether this is its \
     grpc.bind_address";

pub(crate) const SILENT: &str =
    "what listens there did not answer as a gRPC server in time; see whether this is Falco's \
     grpc.bind_address (TCP: by default port 5060) and Falco is not stopped, or allow more with \
     connect_deadline";

pub(crate) const UNKNOWN_HOST: &str =
    "the host name was not found; see whether it is spelt right, or give the IP address";

pub(crate) const TLS_FAILED: &str =
    "the TLS handshake failed; see whether ca.crt is the one that signed Falco's certificate, and \
     whether this is Falco's grpc.bind_address (by default port 5060)";

pub(crate) const REFUSED: &str =
    "nothing listens there; see whether Falco is running with grpc.enabled and this \
     grpc.bind_address. Falco 0.44 and later have no gRPC";

/// What texts of C-core mean here.
type Meanings = &'static [(&'static [&'static str], &'static str)];

/// The first that fits.
fn told(meanings: Meanings, message: &str) -> Option<&'static str> {
    let mut meanings = meanings.iter();
    let fits = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    meanings
        .find(|(texts, _)| fits(texts))
        .map(|(_, problem)| *problem)
}

/// What C-core says of a connection that was closed from the other side.
const CLOSED: [&str; 3] = ["Socket closed", "onnection reset", "Endpoint read failed"];

/// A server that is not the one meant. This does not pass by itself.
const UNTRUSTED: Meanings = &[
    (
        &["not in peer certificate"],
        "the server's certificate is for another name than the address; give the name that it is \
         for as server name (Falco's documentation makes it for localhost)",
    ),
    (
        // The last three where a CA of the same name, but with another key, signed it.
        &[
            "certificate verify failed",
            "invalid padding",
            "asn1 encoding routines",
            "signature",
        ],
        "the server's certificate was not signed by the given CA, or is not valid now; give the \
         ca.crt that signed it",
    ),
];

/// Other connections that failed.
const KNOWN: Meanings = &[
    (&["wrong version number"], NO_TLS),
    (
        &["http1.x server"],
        "what listens there speaks HTTP/1, not gRPC; see whether this is Falco's \
         grpc.bind_address (TCP: by default port 5060)",
    ),
    (
        &["Failed parsing HTTP/2"],
        "what listens there does not speak gRPC; see whether this is Falco's grpc.bind_address \
         (TCP: by default port 5060)",
    ),
    (
        &[
            "SETTINGS frame",
            "Handshake read failed",
            "Handshake timed out",
        ],
        SILENT,
    ),
    (&["DNS resolution failed"], UNKNOWN_HOST),
    (&["Connection refused"], REFUSED),
    (&["Ssl handshake failed"], TLS_FAILED),
];

/// Whether something listens on the socket, which C-core does not tell apart well.
pub(crate) fn look_at_socket(path: &Path) -> Result<(), (&'static str, Option<io::Error>)> {
    let denied = "permission denied; run as a user who may write the socket, usually root, or \
                  give this one the right to";
    match std::fs::metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err((
            "this is not a socket; give the path in Falco's grpc.bind_address. Falco 0.44 and \
             later have no gRPC",
            None,
        )),
        found => match found.and_then(|_| probe(path)) {
            Ok(()) => Ok(()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Err((
                    "no such socket; see whether Falco is running with grpc.enabled and this \
                     grpc.bind_address. Before 0.33 the default was unix:///var/run/falco.sock; \
                     Falco 0.44 and later have no gRPC",
                    Some(error),
                )),
                io::ErrorKind::PermissionDenied => Err((denied, Some(error))),
                io::ErrorKind::ConnectionRefused => Err((
                    "nothing listens on this socket; see whether Falco is running, the file may \
                     be left from one that ended",
                    Some(error),
                )),
                _ => Ok(()),
            },
        },
    }
}
