//! Where a relay sends alerts: one file for each kind of sink, behind one trait.
//!
//! A new sink is a file here, with a type that implements [`Target`] and, to deliver batches,
//! [`Deliver`](super::deliver::Deliver); a variant of [`Kind`]; and a case of [`parse`].

mod file;
mod grpc;
mod http;
mod stdout;
mod target;

use std::fmt;
use std::str::FromStr;

use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::relay::identity::SinkIdentity;
use crate::tls::Tls;
use file::FileSink;
use grpc::GrpcSink;
use http::HttpSink;
use stdout::StdoutSink;

pub(super) use target::{RunningSink, StartSink, Target};

/// Where a [`Relay`](super::Relay) sends alerts.
///
/// Parsed from, and displayed as, one of
///
/// | text | sink |
/// | --- | --- |
/// | `grpc` | Falco's own gRPC API, on Falco's own socket `unix:///run/falco/falco.sock` |
/// | `unix:///path`, `host:port` | the same elsewhere; a `host:port` needs [`tls`](Sink::tls) |
/// | `http://…`, `https://…` | each alert is posted there in Falco's own JSON, as `http_output` does |
/// | `file:///path`, a path | a file, to which lines of Falco's own JSON are appended |
/// | `-` | such lines on standard output |
#[derive(Clone)]
pub struct Sink {
    kind: Kind,
    pub(super) tls: Option<Tls>,
    pub(super) fan_out: bool,
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
enum Kind {
    Grpc(GrpcSink),
    Http(HttpSink),
    File(FileSink),
    Stdout(StdoutSink),
}

impl Sink {
    /// The certificates. For gRPC on a `host:port` those of the server, whose clients must be signed
    /// by the CA; for `https://…` those of this client, and the CA that has signed the server's.
    /// Default: none; for `https://…` the system's CAs.
    pub fn tls(mut self, tls: Tls) -> Sink {
        self.tls = Some(tls);
        self
    }

    /// Whether every gRPC subscription gets every alert since it began. Default: false, each alert
    /// goes to one client, as with Falco.
    ///
    /// A subscriber that takes nothing holds up the others. What came while there was none goes to
    /// the first subscriber.
    pub fn fan_out(mut self, fan_out: bool) -> Sink {
        self.fan_out = fan_out;
        self
    }

    /// Sends a header with each request to `http://…` or `https://…`, as in `Authorization`. Default:
    /// none beside those of HTTP itself. Its value is shown nowhere.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Sink {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Whether it can send headers.
    pub fn may_have_headers(&self) -> bool {
        self.target().may_have_headers()
    }

    /// Whether it needs or may take certificates.
    pub fn may_have_tls(&self) -> bool {
        self.target().may_have_tls()
    }

    /// Whether it has subscribers, each of which may get every alert.
    pub fn may_fan_out(&self) -> bool {
        self.target().may_fan_out()
    }

    /// How a spool knows it from one start to the next, however its address is spelt.
    pub(super) fn identity(&self) -> SinkIdentity {
        self.target().identity()
    }

    /// The identity of the sink with this address.
    pub(super) fn identify(text: &str) -> Option<SinkIdentity> {
        Some(text.parse::<Sink>().ok()?.identity())
    }

    pub(super) fn target(&self) -> &dyn Target {
        match &self.kind {
            Kind::Grpc(sink) => sink,
            Kind::Http(sink) => sink,
            Kind::File(sink) => sink,
            Kind::Stdout(sink) => sink,
        }
    }
}

impl FromStr for Sink {
    type Err = Error;

    fn from_str(text: &str) -> Result<Sink> {
        Ok(Sink {
            kind: parse(text)?,
            tls: None,
            fan_out: false,
            headers: Vec::new(),
        })
    }
}

fn parse(text: &str) -> Result<Kind> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is = |name: &str| scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(name));
    if is("http") || is("https") {
        return Ok(Kind::Http(HttpSink::parse(text)?));
    }
    if text == "-" {
        return Ok(Kind::Stdout(StdoutSink));
    }
    if text.starts_with("file://") {
        return Ok(Kind::File(FileSink::parse(text)));
    }
    let is_word = !text.contains(':') && !text.is_empty() && text != "grpc";
    if text.starts_with(['/', '.']) || is_word {
        return Ok(Kind::File(FileSink::parse(text)));
    }
    let endpoint = match text {
        "grpc" => Endpoint::DEFAULT.parse()?,
        other => Endpoint::for_listening(other)?,
    };
    match endpoint.grpc() {
        Some(_) => Ok(Kind::Grpc(GrpcSink { endpoint })),
        None => {
            let remedy = "write grpc, unix:///path, host:port, http://…, a file's path or - for \
                          standard output";
            Err(Error::endpoint(text, ("is a source, and no sink", remedy)))
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Sink")
            .field("address", &self.to_string())
            .field("tls", &self.tls)
            .field("fan_out", &self.fan_out)
            .field("headers", &headers)
            .finish()
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target().fmt(f)
    }
}
