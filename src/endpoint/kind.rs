//! What is true of all endpoints of a kind.

use std::io;

use rustix::fs::{fstat, FileType};

use super::{Endpoint, EndpointKind};
use crate::error::Problem;
use crate::format::Format;

/// What is said of each kind once.
pub(super) struct Facts {
    pub form: &'static str,
    pub reads: &'static str,
    pub family: Family,
    pub tls: TlsUse,
    pub syntax: Syntax,
}

/// How alerts are read: what kinds have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Grpc,
    /// Falco posts them to this machine.
    Http,
    File,
    Stdin,
    /// Something else writes what Falco has sent.
    Log,
}

/// What [`Config::tls`](crate::Config::tls) is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TlsUse {
    /// Both sides have a certificate.
    Mutual,
    /// This side listens with a certificate, and may require one.
    Server,
    /// Nothing: what is wrong where it is given.
    None {
        problem: &'static str,
        remedy: &'static str,
    },
}

impl TlsUse {
    pub(super) const OF_LINES: TlsUse = TlsUse::None {
        problem: "lines come without TLS",
        remedy: "leave it out",
    };

    /// The problem of a log's.
    pub(super) const IN_ADDRESS: &str = "the address itself has the certificates of its TLS";
}

/// How text is recognised as an endpoint of a kind.
#[derive(Clone, Copy)]
pub(super) enum Syntax {
    /// By its scheme.
    Scheme(&'static [&'static str], Parse),
    /// By having none.
    Bare,
}

/// Parses text that has the scheme.
pub(super) type Parse = fn(&str) -> Result<Endpoint, Problem>;

impl EndpointKind {
    /// How such an endpoint is written, for a table or a remedy.
    pub fn form(self) -> &'static str {
        self.facts().form
    }

    /// What is read there, for a table.
    pub fn reads(self) -> &'static str {
        self.facts().reads
    }

    /// Whether it is Falco's gRPC API, which alone answers
    /// [`Client::version`](crate::Client::version).
    pub fn is_grpc(self) -> bool {
        self.family() == Family::Grpc
    }

    /// Whether Falco posts alerts there, so that this machine listens.
    pub fn is_http(self) -> bool {
        self.family() == Family::Http
    }

    /// Whether it is a log between Falco and its readers, to which a relay writes: a stream of Redis or a
    /// topic of Kafka.
    pub fn is_log(self) -> bool {
        self.family() == Family::Log
    }

    /// Whether it may have certificates: [`Config::tls`](crate::Config::tls).
    pub fn has_tls(self) -> bool {
        match self.tls() {
            TlsUse::Mutual | TlsUse::Server => true,
            TlsUse::None { .. } => false,
        }
    }

    /// Whether alerts remain there after they were read, as in a file or a stream. Standard input is a file where
    /// one is redirected to it.
    pub fn keeps_alerts(self) -> bool {
        match self.family() {
            Family::File | Family::Log => true,
            Family::Stdin => fstat(io::stdin())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile),
            Family::Grpc | Family::Http => false,
        }
    }

    pub(crate) fn family(self) -> Family {
        self.facts().family
    }

    pub(crate) fn tls(self) -> TlsUse {
        self.facts().tls
    }

    /// The format in which alerts are received.
    pub(crate) fn format(self) -> Format {
        match self.family() {
            Family::Grpc => Format::Grpc,
            Family::Http | Family::File | Family::Stdin | Family::Log => Format::JsonLine,
        }
    }
}

#[cfg(test)]
impl EndpointKind {
    /// An endpoint of this kind.
    pub(crate) fn example(self) -> String {
        let form = self
            .form()
            .replace("host:port", "localhost:5060")
            .replace("ADDR:PORT", "[::1]:0");
        let is_name =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase());
        let words: Vec<_> = form
            .split('/')
            .map(|part| if is_name(part) { "name" } else { part })
            .collect();
        let words = words.join("/");
        match self.family() {
            Family::Log => words + "?group=g",
            Family::Grpc | Family::Http | Family::File | Family::Stdin => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_that_of_its_form() {
        for kind in EndpointKind::ALL {
            let endpoint: Endpoint = kind.example().parse().unwrap();
            assert_eq!(EndpointKind::of(&endpoint), *kind);
            assert!(endpoint.to_string().parse::<Endpoint>().unwrap() == endpoint);
        }
    }

    #[test]
    fn what_this_build_does_not_read_says_so() {
        for kind in EndpointKind::EVERY {
            let parsed: crate::Result<Endpoint> = kind.example().parse();
            assert_eq!(parsed.is_ok(), EndpointKind::ALL.contains(kind), "{kind:?}");
        }
    }
}
