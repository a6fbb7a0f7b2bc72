//! Where a relay sends alerts.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::tls::Tls;

/// Where a [`Relay`](super::Relay) sends alerts.
///
/// Parsed from, and displayed as, one of
///
/// | text | what it is |
/// | --- | --- |
/// | `grpc` | Falco's own gRPC API, on its own socket `unix:///run/falco/falco.sock` |
/// | `unix:///path`, `host:port` | the same elsewhere; a `host:port` needs [`tls`](Sink::tls) |
/// | `http://…`, `https://…` | each alert is posted there in Falco's own JSON, as `http_output` does |
/// | `file:///path`, a path | a file, to which lines of Falco's own JSON are appended |
/// | `-` | such lines on standard output |
#[derive(Clone, Debug)]
pub struct Sink {
    pub(super) kind: Kind,
    pub(super) tls: Option<Tls>,
    pub(super) fan_out: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Grpc(Endpoint),
    Post(String),
    File(PathBuf),
    Stdout,
}

impl Sink {
    /// The certificates: of the server for gRPC on a `host:port`, where clients must be signed by the
    /// CA; for `https://…` what this client shows, and the CA by which the server is known. Default:
    /// none; for `https://…` the system's CAs.
    pub fn tls(mut self, tls: Tls) -> Sink {
        self.tls = Some(tls);
        self
    }

    /// Whether every gRPC subscription gets every alert since it began. Default: false, each alert
    /// goes to one client, as in Falco.
    ///
    /// A subscriber that takes nothing holds up the others. What came while there was none goes to
    /// the first that comes.
    pub fn fan_out(mut self, fan_out: bool) -> Sink {
        self.fan_out = fan_out;
        self
    }

    /// Whether it needs or may take certificates.
    pub fn may_have_tls(&self) -> bool {
        match &self.kind {
            Kind::Grpc(Endpoint::Tcp { .. }) => true,
            Kind::Post(url) => url.to_ascii_lowercase().starts_with("https:"),
            _ => false,
        }
    }
}

impl FromStr for Sink {
    type Err = Error;

    fn from_str(text: &str) -> Result<Sink> {
        let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        let kind =
            if text == "grpc" {
                Kind::Grpc(Endpoint::DEFAULT.parse()?)
            } else if text == "-" {
                Kind::Stdout
            } else if lower.starts_with("http://") || lower.starts_with("https://") {
                Kind::Post(url(text)?)
            } else if let Some(path) = text.strip_prefix("file://") {
                Kind::File(path.into())
            } else if text.starts_with(['/', '.']) || !text.contains(':') && !text.is_empty() {
                Kind::File(text.into())
            } else {
                match Endpoint::for_listening(text)? {
                    endpoint @ (Endpoint::Unix(_) | Endpoint::Tcp { .. }) => Kind::Grpc(endpoint),
                    _ => return Err(bad(
                        text,
                        "is a source, and no sink; write grpc, unix:///path, host:port, http://…, \
                         a file's path or - for standard output",
                    )),
                }
            };
        Ok(Sink {
            kind,
            tls: None,
            fan_out: false,
        })
    }
}

/// Its host at least is looked at before anything is sent.
fn url(text: &str) -> Result<String> {
    let parsed: Result<ureq::http::Uri, _> = text.parse();
    match parsed {
        Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(text.to_owned()),
        Ok(_) => Err(bad(text, "has no host; write http://host:port/path")),
        Err(error) => Err(bad(
            text,
            &format!("is no address ({error}); write http://host:port/path"),
        )),
    }
}

/// A user and his password are shown to nobody.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

fn bad(text: &str, problem: &str) -> Error {
    Error::Endpoint {
        endpoint: text.to_owned(),
        problem: problem.to_owned(),
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Grpc(endpoint) => write!(f, "{endpoint}"),
            Kind::Post(url) => f.write_str(&without_user(url)),
            Kind::File(path) => write!(f, "file://{}", path.display()),
            Kind::Stdout => f.write_str("-"),
        }
    }
}
