//! What the command has to know about each kind of endpoint.

use std::io;

use falco_client::Endpoint;
use rustix::fs::{fstat, FileType};

/// The kinds of endpoints, by variant of [`Endpoint`] and by scheme.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndpointKind {
    Unix,
    Tcp,
    Http,
    Https,
    File,
    Stdin,
}

impl EndpointKind {
    pub const ALL: &[EndpointKind] = &[
        EndpointKind::Unix,
        EndpointKind::Tcp,
        EndpointKind::Http,
        EndpointKind::Https,
        EndpointKind::File,
        EndpointKind::Stdin,
    ];

    pub const GRPC: &[EndpointKind] = &[EndpointKind::Unix, EndpointKind::Tcp];

    /// The library may add variants, so this match needs a wildcard. It is the only one: all others
    /// are over the kinds.
    pub fn of(endpoint: &Endpoint) -> EndpointKind {
        match endpoint {
            Endpoint::Unix(_) => EndpointKind::Unix,
            Endpoint::Tcp { .. } => EndpointKind::Tcp,
            Endpoint::Listen { tls: false, .. } => EndpointKind::Http,
            Endpoint::Listen { tls: true, .. } => EndpointKind::Https,
            Endpoint::File(_) => EndpointKind::File,
            Endpoint::Stdin => EndpointKind::Stdin,
            _ => EndpointKind::Tcp,
        }
    }

    /// How an endpoint of this kind is written, and what it reads.
    pub fn form(self) -> (&'static str, &'static str) {
        match self {
            EndpointKind::Unix => ("unix:///path", "gRPC API of Falco 0.18 to 0.43"),
            EndpointKind::Tcp => ("host:port", "the same over TCP, with mutual TLS"),
            EndpointKind::Http => ("listen+http://ADDR:PORT", "http_output of any Falco"),
            EndpointKind::Https => ("listen+https://ADDR:PORT", "the same, with TLS"),
            EndpointKind::File => ("file:///path", "file_output of any Falco"),
            EndpointKind::Stdin => ("-", "standard input (stdout_output, program_output)"),
        }
    }

    pub fn is_grpc(self) -> bool {
        match self {
            EndpointKind::Unix | EndpointKind::Tcp => true,
            EndpointKind::Http | EndpointKind::Https | EndpointKind::File | EndpointKind::Stdin => {
                false
            }
        }
    }

    /// Whether Falco posts alerts to it.
    pub fn is_http(self) -> bool {
        match self {
            EndpointKind::Http | EndpointKind::Https => true,
            EndpointKind::Unix | EndpointKind::Tcp | EndpointKind::File | EndpointKind::Stdin => {
                false
            }
        }
    }

    /// Whether it may have certificates.
    pub fn has_tls(self) -> bool {
        match self {
            EndpointKind::Tcp | EndpointKind::Https => true,
            EndpointKind::Unix | EndpointKind::Http | EndpointKind::File | EndpointKind::Stdin => {
                false
            }
        }
    }

    /// Whether alerts remain there after they were read.
    pub fn keeps_alerts(self) -> bool {
        match self {
            EndpointKind::File => true,
            EndpointKind::Stdin => fstat(io::stdin())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile),
            EndpointKind::Unix | EndpointKind::Tcp | EndpointKind::Http | EndpointKind::Https => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_that_of_its_endpoint() {
        for (endpoint, kind) in [
            ("unix:///falco.sock", EndpointKind::Unix),
            ("localhost:5060", EndpointKind::Tcp),
            ("listen+http://[::]:2801", EndpointKind::Http),
            ("listen+https://[::]:2801", EndpointKind::Https),
            ("file:///alerts.jsonl", EndpointKind::File),
            ("-", EndpointKind::Stdin),
        ] {
            assert_eq!(EndpointKind::of(&endpoint.parse().unwrap()), kind);
        }
    }
}
