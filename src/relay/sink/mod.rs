//! Where a relay sends alerts: one file for each kind of sink, behind one trait.
//!
//! A new sink is a file here, with a type that implements [`Target`] and, to deliver batches,
//! [`Deliver`](super::deliver::Deliver); a variant of [`Kind`]; and a case of [`parse`].

mod batching;
mod file;
mod grpc;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "redis")]
mod redis;
mod stdout;
mod target;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::alert::Alert;
use crate::diagnose::{Finding, Step};
#[cfg(feature = "kafka")]
use crate::endpoint::is_kafka;
#[cfg(feature = "redis")]
use crate::endpoint::is_redis;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::relay::admission::Filter;
use crate::relay::dead_letters::DeadLetter;
use crate::relay::identity::SinkIdentity;
use crate::tls::Tls;
use file::FileSink;
use grpc::GrpcSink;
use http::HttpSink;
#[cfg(feature = "kafka")]
use kafka::KafkaSink;
#[cfg(feature = "redis")]
use redis::RedisSink;
use stdout::StdoutSink;

pub use batching::Batching;
pub(super) use target::{HandOver, RunningSink, StartSink, Target};

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
/// | `redis://host:port/stream`, `rediss://…` | a stream of Redis or Valkey; feature `redis` |
/// | `kafka://broker:port/topic`, `kafkas://…` | a topic of Kafka; feature `kafka` |
#[derive(Clone)]
pub struct Sink {
    kind: Kind,
    pub(super) tls: Option<Tls>,
    pub(super) fan_out: bool,
    pub(super) headers: Vec<(String, String)>,
    pub(super) bearer_token_file: Option<PathBuf>,
    pub(super) filter: Option<Filter>,
    batching: Option<Batching>,
    gzip: bool,
    timeout: Duration,
}

/// How long a request may take by default, and how short and long it can be set.
const TIMEOUT: Duration = Duration::from_secs(30);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
enum Kind {
    Grpc(GrpcSink),
    Http(HttpSink),
    File(FileSink),
    Stdout(StdoutSink),
    #[cfg(feature = "redis")]
    Redis(RedisSink),
    #[cfg(feature = "kafka")]
    Kafka(KafkaSink),
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
    /// The stream of a subscriber that holds up the others is ended after 30 s. What came while there was
    /// none goes to the first subscriber.
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

    /// Sends `Authorization: Bearer …` with the token in this file. Default: none.
    ///
    /// The file is read at the start, and again after each failure, so that the token may be replaced.
    pub fn bearer_token_file(mut self, path: impl Into<PathBuf>) -> Sink {
        self.bearer_token_file = Some(path.into());
        self
    }

    /// Posts several alerts at once to `http://…` or `https://…`. Default: each in a request of its own,
    /// as Falco's `http_output` does.
    pub fn batching(mut self, batching: Batching) -> Sink {
        self.batching = Some(batching);
        self
    }

    /// Whether requests to `http://…` or `https://…` are compressed, with `Content-Encoding: gzip`.
    /// Default: false.
    pub fn gzip(mut self, gzip: bool) -> Sink {
        self.gzip = gzip;
        self
    }

    /// How long a request to `http://…` or `https://…` may take, from the connection to the answer: from
    /// 0.1 s to 600 s. Default: 30 s. All alerts of this sink wait meanwhile.
    pub fn timeout(mut self, timeout: Duration) -> Sink {
        self.timeout = timeout;
        self
    }

    /// Delivers only alerts for which `filter` returns true. Default: all. What it leaves out counts as
    /// delivered to this sink, and in [`SinkStatus::filtered`](super::SinkStatus); an alert that no sink
    /// wants is not stored.
    pub fn filter(mut self, filter: impl Fn(&Alert) -> bool + Send + Sync + 'static) -> Sink {
        self.filter = Some(Filter(Arc::new(filter)));
        self
    }

    /// Checks, without sending an alert, whether it can be reached: the name, TCP and TLS of an HTTP
    /// server, the folder of a file or a socket, its certificates. The findings are up to the first
    /// that failed.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let options = self.check_options();
        let options = options.map_err(|error| Finding::failed(Step::Config, &error));
        let failure = options.and_then(|()| self.target().check(self, &mut findings));
        findings.extend(failure.err());
        findings
    }

    /// Refuses an option that has no effect on it.
    pub(super) fn check_options(&self) -> Result<()> {
        if self.tls.is_some() && !self.may_have_tls() {
            let problem = (format!("{self} has no TLS"), "leave it out");
            return Err(Error::config("tls", problem));
        }
        let has_headers = !self.headers.is_empty() || self.bearer_token_file.is_some();
        if has_headers && !self.may_have_headers() {
            let problem = (format!("{self} takes no headers"), "leave them out");
            return Err(Error::config("header", problem));
        }
        let of_requests = [
            ("batching", self.batching.is_some()),
            ("gzip", self.gzip),
            ("timeout", self.timeout != TIMEOUT),
        ];
        if let Some((option, _)) = of_requests.into_iter().find(|(_, is_given)| *is_given) {
            if !self.may_have_headers() {
                let problem = (format!("{self} takes no requests"), "leave it out");
                return Err(Error::config(option, problem));
            }
        }
        if let Some(batching) = &self.batching {
            batching.check()?;
        }
        if !(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&self.timeout) {
            let problem = format!("{} s are impossible", self.timeout.as_secs_f64());
            return Err(Error::config("timeout", (problem, "give 0.1 to 600 s")));
        }
        if self.fan_out && !self.may_fan_out() {
            let problem = format!("{self} has no subscribers");
            let problem = (problem, "leave it out, or add a gRPC sink");
            return Err(Error::config("fan_out", problem));
        }
        Ok(())
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

    /// Whether a dead letter is of this sink. Those of another are not, though it may be shown alike, as
    /// its user, password and query are not shown.
    pub fn could_not_take(&self, letter: &DeadLetter) -> bool {
        match &letter.identity {
            Some(identity) => self.identity().stored() == identity,
            None => letter.sink.as_deref() == Some(&*self.to_string()),
        }
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
            #[cfg(feature = "redis")]
            Kind::Redis(sink) => sink,
            #[cfg(feature = "kafka")]
            Kind::Kafka(sink) => sink,
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
            bearer_token_file: None,
            filter: None,
            batching: None,
            gzip: false,
            timeout: TIMEOUT,
        })
    }
}

fn parse(text: &str) -> Result<Kind> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is = |name: &str| scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(name));
    if is("http") || is("https") {
        return Ok(Kind::Http(HttpSink::parse(text)?));
    }
    #[cfg(feature = "redis")]
    if is_redis(text) {
        return Ok(Kind::Redis(RedisSink::parse(text)?));
    }
    #[cfg(feature = "kafka")]
    if is_kafka(text) {
        return Ok(Kind::Kafka(KafkaSink::parse(text)?));
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
            .field("bearer_token_file", &self.bearer_token_file)
            .field("filter", &self.filter)
            .field("batching", &self.batching)
            .field("gzip", &self.gzip)
            .field("timeout", &self.timeout)
            .finish()
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target().fmt(f)
    }
}
