//! From a failed call to what is wrong and what to do about it.

use std::time::Duration;

use grpcio::RpcStatusCode;

use crate::diagnose::socket::is_listening;
use crate::diagnose::texts::{HUNG_UP, NO_TLS, REFUSED, SILENT, TLS_FAILED, UNKNOWN_HOST};
use crate::endpoint::{Endpoint, GrpcAddress};
use crate::error::{Cause, Error, Problem, StatusCode};

/// What a call to `method` that ended with `error` means.
pub(crate) fn explain(
    endpoint: &Endpoint,
    method: &'static str,
    deadline: Option<Duration>,
    error: grpcio::Error,
) -> Error {
    let status = match error {
        grpcio::Error::RpcFailure(status) | grpcio::Error::RpcFinished(Some(status)) => status,
        other => {
            let problem = format!(
                "the call {} failed inside gRPC: {other}",
                without_slash(method)
            );
            return Error::unavailable(endpoint, Problem::alone(problem), Some(other.into()));
        }
    };
    match (status.code(), deadline) {
        (RpcStatusCode::UNAVAILABLE, _) => {
            let source = Some(Cause::from(grpcio::Error::RpcFailure(status.clone())));
            if let Some(problem) = meaning(UNTRUSTED, status.message()) {
                return Error::untrusted(endpoint, problem.clone(), source);
            }
            let (problem, found) = unavailable(endpoint, status.message());
            Error::unavailable(endpoint, problem, found.or(source))
        }
        (RpcStatusCode::UNIMPLEMENTED, _) => Error::Unimplemented {
            endpoint: endpoint.to_string(),
            method: without_slash(method),
        },
        (RpcStatusCode::RESOURCE_EXHAUSTED, _) if status.message().contains(TOO_LARGE) => {
            let (size, limit) = sizes(status.message());
            Error::TooLarge {
                endpoint: endpoint.to_string(),
                size,
                limit,
            }
        }
        (RpcStatusCode::DEADLINE_EXCEEDED, Some(after)) => Error::Timeout {
            endpoint: endpoint.to_string(),
            after,
        },
        (code, _) => Error::Status {
            endpoint: endpoint.to_string(),
            code: StatusCode::from_number(code.into()),
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

/// In C-core's message about it.
const TOO_LARGE: &str = "larger than max";

/// The size of a message and the limit, out of `… larger than max (5000000 vs. 4194304)`.
fn sizes(message: &str) -> (Option<u64>, Option<u64>) {
    let inner = message.rsplit_once('(').and_then(|(_, rest)| {
        let (inner, _) = rest.split_once(')')?;
        inner.split_once(" vs. ")
    });
    match inner {
        Some((size, limit)) => (size.trim().parse().ok(), limit.trim().parse().ok()),
        None => (None, None),
    }
}

/// Whether the probe was not answered in time.
pub(crate) fn is_timeout(result: &grpcio::Result<()>) -> bool {
    matches!(result, Err(grpcio::Error::RpcFailure(status))
        if status.code() == RpcStatusCode::DEADLINE_EXCEEDED)
}

/// Whether C-core's message leaves open what exactly is wrong with a TLS connection.
pub(crate) fn is_inconclusive(error: &Error) -> bool {
    match error {
        Error::Untrusted { .. } => true,
        Error::Unavailable {
            source: Some(source),
            ..
        } => match source.downcast_ref() {
            Some(grpcio::Error::RpcFailure(status)) => meaning(KNOWN, status.message())
                .is_none_or(|problem| [&SILENT, &TLS_FAILED].contains(&problem)),
            _ => false,
        },
        _ => false,
    }
}

fn without_slash(method: &'static str) -> &'static str {
    method.trim_start_matches('/')
}

fn unavailable(endpoint: &Endpoint, message: &str) -> (Problem, Option<Cause>) {
    let closed = match endpoint.grpc() {
        Some(GrpcAddress::Unix(path)) => match is_listening(path) {
            Err((problem, error)) => return (problem, error.map(Cause::from)),
            Ok(()) => false,
        },
        Some(GrpcAddress::Tcp { .. }) => CLOSED.iter().any(|text| message.contains(text)),
        None => false,
    };
    let problem = match meaning(KNOWN, message) {
        Some(problem) => problem.clone(),
        None if closed => HUNG_UP,
        None => {
            let problem = format!("the connection was lost ({})", message.escape_debug());
            let remedy = "see whether Falco is running, it may be restarting";
            (problem, remedy).into()
        }
    };
    (problem, None)
}

/// Parts of C-core's messages, and what they mean.
type Meanings = &'static [(&'static [&'static str], Problem)];

/// The meaning of the first part that `message` contains.
fn meaning(meanings: Meanings, message: &str) -> Option<&'static Problem> {
    let mut meanings = meanings.iter();
    let fits = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    meanings
        .find(|(texts, _)| fits(texts))
        .map(|(_, problem)| problem)
}

/// In C-core's messages about a connection that was closed by the peer.
const CLOSED: [&str; 3] = ["Socket closed", "onnection reset", "Endpoint read failed"];

/// A server that is not the intended one. This does not pass by itself.
const UNTRUSTED: Meanings = &[
    (
        &["not in peer certificate"],
        Problem::fixed(
            "the server's certificate is for another name than the address",
            "give the name that it is for as server name (Falco's documentation makes it for \
             localhost)",
        ),
    ),
    (
        // The last three where a CA of the same name, but with another key, signed it.
        &[
            "certificate verify failed",
            "invalid padding",
            "asn1 encoding routines",
            "signature",
        ],
        Problem::fixed(
            "the server's certificate was not signed by the given CA, or is not valid now",
            "give the ca.crt that signed it",
        ),
    ),
];

/// Other connections that failed.
const KNOWN: Meanings = &[
    (&["wrong version number"], NO_TLS),
    (
        &["http1.x server"],
        Problem::fixed(
            "what listens there speaks HTTP/1, not gRPC",
            "see whether this is Falco's grpc.bind_address (TCP: by default port 5060)",
        ),
    ),
    (
        &["Failed parsing HTTP/2"],
        Problem::fixed(
            "what listens there does not speak gRPC",
            "see whether this is Falco's grpc.bind_address (TCP: by default port 5060)",
        ),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_in_c_cores_text_are_read_where_they_are_there() {
        for (message, found) in [
            (
                "Received message larger than max (5000000 vs. 4194304)",
                (Some(5_000_000), Some(4_194_304)),
            ),
            ("CLIENT: Received message larger than max", (None, None)),
            ("larger than max (many vs. 10)", (None, Some(10))),
            ("larger than max (1 vs. 2", (None, None)),
        ] {
            assert_eq!(sizes(message), found, "{message}");
        }
    }
}
