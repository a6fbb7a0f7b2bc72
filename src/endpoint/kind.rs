//! What is true of all endpoints of a kind.

use std::io;

use rustix::fs::{fstat, FileType};

use super::Endpoint;
use crate::format::Format;

/// A kind of [`Endpoint`]: what a program that offers endpoints has to know about each.
///
/// ```
/// # use falco_client::EndpointKind;
/// for kind in EndpointKind::ALL {
///     println!("{:<25} {}", kind.form(), kind.reads());
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum EndpointKind {
    /// [`Endpoint::Unix`].
    Unix,
    /// [`Endpoint::Tcp`].
    Tcp,
    /// [`Endpoint::Listen`] without TLS.
    Http,
    /// [`Endpoint::Listen`] with TLS.
    Https,
    /// [`Endpoint::File`].
    File,
    /// [`Endpoint::Stdin`].
    Stdin,
    /// [`Endpoint::Redis`].
    Redis,
    /// [`Endpoint::Kafka`].
    Kafka,
}

impl EndpointKind {
    /// All kinds.
    pub const ALL: &[EndpointKind] = &[
        EndpointKind::Unix,
        EndpointKind::Tcp,
        EndpointKind::Http,
        EndpointKind::Https,
        EndpointKind::File,
        EndpointKind::Stdin,
        #[cfg(feature = "redis")]
        EndpointKind::Redis,
        #[cfg(feature = "kafka")]
        EndpointKind::Kafka,
    ];

    /// The kind of this endpoint.
    pub fn of(endpoint: &Endpoint) -> EndpointKind {
        match endpoint {
            Endpoint::Unix(_) => EndpointKind::Unix,
            Endpoint::Tcp { .. } => EndpointKind::Tcp,
            Endpoint::Listen { tls: false, .. } => EndpointKind::Http,
            Endpoint::Listen { tls: true, .. } => EndpointKind::Https,
            Endpoint::File(_) => EndpointKind::File,
            Endpoint::Stdin => EndpointKind::Stdin,
            Endpoint::Redis { .. } => EndpointKind::Redis,
            Endpoint::Kafka { .. } => EndpointKind::Kafka,
        }
    }

    /// How such an endpoint is written, for a table or a remedy.
    pub fn form(self) -> &'static str {
        match self {
            EndpointKind::Unix => "unix:///path",
            EndpointKind::Tcp => "host:port",
            EndpointKind::Http => "listen+http://ADDR:PORT",
            EndpointKind::Https => "listen+https://ADDR:PORT",
            EndpointKind::File => "file:///path",
            EndpointKind::Stdin => "-",
            EndpointKind::Redis => "redis://HOST/STREAM",
            EndpointKind::Kafka => "kafka://BROKER/TOPIC",
        }
    }

    /// What is read there, for a table.
    pub fn reads(self) -> &'static str {
        match self {
            EndpointKind::Unix => "gRPC API of Falco 0.18 to 0.43",
            EndpointKind::Tcp => "the same over TCP, with mutual TLS",
            EndpointKind::Http => "http_output of any Falco",
            EndpointKind::Https => "the same, with TLS",
            EndpointKind::File => "file_output of any Falco",
            EndpointKind::Stdin => "standard input (stdout_output, program_output)",
            EndpointKind::Redis => "a stream of Redis or Valkey",
            EndpointKind::Kafka => "a topic of Kafka, with ?group=NAME",
        }
    }

    /// Whether it is Falco's gRPC API, which alone answers
    /// [`Client::version`](crate::Client::version).
    pub fn is_grpc(self) -> bool {
        match self {
            EndpointKind::Unix | EndpointKind::Tcp => true,
            EndpointKind::Http
            | EndpointKind::Https
            | EndpointKind::File
            | EndpointKind::Stdin
            | EndpointKind::Redis
            | EndpointKind::Kafka => false,
        }
    }

    /// Whether Falco posts alerts there, so that this machine listens.
    pub fn is_http(self) -> bool {
        match self {
            EndpointKind::Http | EndpointKind::Https => true,
            EndpointKind::Unix
            | EndpointKind::Tcp
            | EndpointKind::File
            | EndpointKind::Stdin
            | EndpointKind::Redis
            | EndpointKind::Kafka => false,
        }
    }

    /// Whether it is a log between Falco and its readers, to which a relay writes: a stream of Redis or a
    /// topic of Kafka.
    pub fn is_log(self) -> bool {
        match self {
            EndpointKind::Redis | EndpointKind::Kafka => true,
            EndpointKind::Unix
            | EndpointKind::Tcp
            | EndpointKind::Http
            | EndpointKind::Https
            | EndpointKind::File
            | EndpointKind::Stdin => false,
        }
    }

    /// Whether it may have certificates: [`Config::tls`](crate::Config::tls).
    pub fn has_tls(self) -> bool {
        match self {
            EndpointKind::Tcp | EndpointKind::Https => true,
            EndpointKind::Unix
            | EndpointKind::Http
            | EndpointKind::File
            | EndpointKind::Stdin
            | EndpointKind::Redis
            | EndpointKind::Kafka => false,
        }
    }

    /// Whether alerts remain there after they were read, as in a file or a stream. Standard input is a file where
    /// one is redirected to it.
    pub fn keeps_alerts(self) -> bool {
        match self {
            EndpointKind::File | EndpointKind::Redis | EndpointKind::Kafka => true,
            EndpointKind::Stdin => fstat(io::stdin())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile),
            EndpointKind::Unix | EndpointKind::Tcp | EndpointKind::Http | EndpointKind::Https => {
                false
            }
        }
    }

    /// The format in which alerts are received.
    pub(crate) fn format(self) -> Format {
        match self {
            EndpointKind::Unix | EndpointKind::Tcp => Format::Grpc,
            EndpointKind::Http
            | EndpointKind::Https
            | EndpointKind::File
            | EndpointKind::Stdin
            | EndpointKind::Redis
            | EndpointKind::Kafka => Format::JsonLine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_that_of_its_endpoint() {
        let kinds: Vec<_> = [
            "unix:///falco.sock",
            "localhost:5060",
            "listen+http://[::]:2801",
            "listen+https://[::]:2801",
            "file:///alerts.jsonl",
            "-",
            #[cfg(feature = "redis")]
            "redis://localhost/alerts",
            #[cfg(feature = "kafka")]
            "kafka://localhost/alerts?group=g",
        ]
        .iter()
        .map(|text| EndpointKind::of(&text.parse().unwrap()))
        .collect();
        assert_eq!(kinds, EndpointKind::ALL);
    }
}
