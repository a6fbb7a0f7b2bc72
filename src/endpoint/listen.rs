//! Errors of addresses that cannot be listened on.

use std::io;

use super::Endpoint;
use crate::error::Error;

/// The error of a failed attempt to listen there, with a remedy for its cause.
pub(crate) fn cannot_listen(endpoint: &Endpoint, error: io::Error) -> Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => "end what listens there, or listen elsewhere",
        io::ErrorKind::NotFound => "make its folder first",
        io::ErrorKind::PermissionDenied => "listen where this user may, or run as another",
        io::ErrorKind::AddrNotAvailable => "give an address of this machine",
        _ => "listen elsewhere",
    };
    let problem = format!("cannot listen there: {error}");
    Error::listen(endpoint, (problem, remedy), Some(error.into()))
}
