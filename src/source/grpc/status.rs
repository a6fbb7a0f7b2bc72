//! From a failed call to what is wrong and what to do.

use std::time::Duration;

use grpcio::RpcStatusCode;

use crate::diagnose::socket::look_at_socket;
use crate::diagnose::texts::{HUNG_UP, NO_TLS, REFUSED, SILENT, TLS_FAILED, UNKNOWN_HOST};
use crate::endpoint::Endpoint;
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
        (RpcStatusCode::DEADLINE_EXCEEDED, Some(after)) => Error::Timeout {
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
        Error::Unavailable { .. } | Error::Timeout { .. } | Error::TooLarge { .. } => true,
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
