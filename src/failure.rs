//! From a failed call to what is wrong and what to do.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use grpcio::{RpcStatus, RpcStatusCode};

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
            let (problem, source) = unavailable(endpoint, &status);
            Error::Unavailable {
                endpoint: name,
                problem,
                source,
            }
        }
        (RpcStatusCode::UNIMPLEMENTED, _) => Error::Unimplemented {
            endpoint: name,
            method: shown(method),
        },
        (RpcStatusCode::RESOURCE_EXHAUSTED, _) if status.message().contains("larger than max") => {
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

fn shown(method: &'static str) -> &'static str {
    method.trim_start_matches('/')
}

fn unavailable(endpoint: &Endpoint, status: &RpcStatus) -> (String, Option<Cause>) {
    let cause = || Some(Cause::from(grpcio::Error::RpcFailure(status.clone())));
    if let Endpoint::Unix(path) = endpoint {
        if let Err((problem, error)) = look_at_socket(path) {
            return (problem.to_owned(), error.map(Cause::from).or_else(cause));
        }
    }
    let message = status.message();
    let known = if matches!(endpoint, Endpoint::Unix(_)) {
        &[]
    } else {
        KNOWN
    };
    let problem = match known.iter().find(|(text, _)| message.contains(text)) {
        Some((_, problem)) => (*problem).to_owned(),
        None => format!(
            "the connection was lost ({}); see whether Falco is running, it may be restarting",
            message.escape_debug()
        ),
    };
    (problem, cause())
}

/// What C-core says of a connection over TCP that failed, and what that means here. The first that fits.
const KNOWN: &[(&str, &str)] = &[
    (
        "not in peer certificate",
        "the server's certificate is for another name than the address; give the name that it is \
         for as server name (Falco's documentation makes it for localhost)",
    ),
    (
        "certificate verify failed",
        "the server's certificate was not signed by the given CA, or is not valid now; give the \
         ca.crt that signed it",
    ),
    (
        "wrong version number",
        "what listens there speaks no TLS; Falco does on its TCP port: see whether the port is \
         right",
    ),
    (
        "http1.x server",
        "what listens there speaks HTTP/1, not gRPC; Falco's default port is 5060",
    ),
    (
        "SETTINGS frame",
        "what listens there did not answer as a gRPC server in time; see whether the port is \
         Falco's (default 5060), or allow more with connect_deadline",
    ),
    (
        "DNS resolution failed",
        "the host name was not found; see whether it is spelt right, or give the IP address",
    ),
    (
        "Connection refused",
        "nothing listens there; see whether Falco is running with grpc.enabled and this \
         grpc.bind_address. Falco 0.44 and later have no gRPC",
    ),
    (
        "Ssl handshake failed",
        "the TLS handshake failed; see whether the port is Falco's (default 5060), and whether \
         the certificates are those that Falco was given",
    ),
    ("Socket closed", CLOSED),
    ("onnection reset", CLOSED),
];

const CLOSED: &str =
    "the connection was closed by the server: Falco ended, or was not offered what it demands on \
     its TCP port, TLS with a client certificate that its ca.crt signed";

/// Whether something listens on the socket, which C-core does not tell apart well.
fn look_at_socket(path: &Path) -> Result<(), (&'static str, Option<io::Error>)> {
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
