//! `/healthz` and `/metrics` of a relay, over HTTP.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::UNIX_EPOCH;

use ureq_proto::http::{Method, StatusCode};

use super::status::{Status, Watched};
use crate::config::Config;
use crate::delivery::State;
use crate::endpoint::{authority, Endpoint};
use crate::error::{Error, Result};
use crate::http::{Answer, Listener, Request, Serve, Service, Wishes};
use crate::util::thread::spawn_named;

/// More than who looks at a relay needs.
const CONNECTIONS: usize = 16;

pub(super) struct Metrics {
    endpoint: Endpoint,
    bell: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Metrics {
    pub(super) fn start(address: &str, watched: Arc<Watched>) -> Result<Metrics> {
        let config = Config::new(format!("listen+http://{address}")).max_connections(CONNECTIONS);
        let endpoint = config.check_options()?;
        let listener = Arc::new(Listener::bind(&config, endpoint)?);
        let endpoint = listener.endpoint().clone();
        let failed = |error: std::io::Error| Error::Listen {
            endpoint: endpoint.to_string(),
            problem: format!("cannot be served: {error}; allow more threads and open files"),
            source: Some(error.into()),
        };
        let (bell, ringing) = UnixStream::pair().map_err(failed)?;
        ringing.set_nonblocking(true).map_err(failed)?;
        let looks = Arc::new(Looks { watched });
        let run = move || listener.serve(&looks, &Ringing(ringing));
        let thread = Some(spawn_named("relay-metrics", run).map_err(failed)?);
        Ok(Metrics {
            endpoint,
            bell,
            thread,
        })
    }

    pub(super) fn address(&self) -> String {
        match &self.endpoint {
            Endpoint::Listen { host, port, .. } => authority(host, *port),
            other => other.to_string(),
        }
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        // Its other end hears that it is over.
        let _ = self.bell.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Readable when it is over.
struct Ringing(UnixStream);

impl Wishes for Ringing {
    fn bell(&self) -> Option<&UnixStream> {
        Some(&self.0)
    }

    fn wish(&self) -> Serve {
        use std::io::Read as _;
        // Nothing is ever written: it is at its end, or there is nothing to read yet.
        match (&self.0).read(&mut [0]).is_ok() {
            true => Serve::Stop,
            false => Serve::Go,
        }
    }
}

struct Looks {
    watched: Arc<Watched>,
}

impl Service for Looks {
    fn method(&self) -> Method {
        Method::GET
    }

    fn call(&self, request: Request) -> Option<Answer> {
        let status = self.watched.status();
        Some(match request.path.as_str() {
            "/healthz" => {
                let code = match status.is_healthy() && !self.watched.is_stopping() {
                    true => StatusCode::OK,
                    false => StatusCode::SERVICE_UNAVAILABLE,
                };
                Answer::text(code, health(&status))
            }
            "/metrics" => Answer {
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                ..Answer::text(StatusCode::OK, metrics(&status))
            },
            _ => Answer::text(StatusCode::NOT_FOUND, "see /healthz and /metrics\n"),
        })
    }

    fn refused(&self, peer: SocketAddr, why: &str) {
        log::debug!("metrics: refused {peer}: {why}");
    }
}

/// A line for each source and sink.
fn health(status: &Status) -> String {
    let mut text = String::new();
    for source in &status.sources {
        let state = match &source.state {
            State::Connecting => "connecting".to_owned(),
            State::Following => "ok".to_owned(),
            State::Waiting { why, .. } => why.to_string(),
            State::Ended => "ended".to_owned(),
        };
        let _ = writeln!(text, "from {}: {state}", source.name);
    }
    for sink in &status.sinks {
        let state = sink.failing.as_deref().unwrap_or("ok");
        let _ = writeln!(text, "to {}: {state}, {} waiting", sink.name, sink.waiting);
    }
    text
}

/// In Prometheus' text format 0.0.4.
fn metrics(status: &Status) -> String {
    let mut text = Text(String::new());
    let sources = || status.sources.iter();
    let sinks = || status.sinks.iter();
    text.each(
        "source_up",
        "gauge",
        "Whether alerts can come from there.",
        "source",
        sources().map(|one| (one.name.as_str(), u64::from(one.state == State::Following))),
    );
    text.each(
        "source_alerts_total",
        "counter",
        "Alerts that came.",
        "source",
        sources().map(|one| (one.name.as_str(), one.counters.alerts)),
    );
    text.each(
        "source_bytes_total",
        "counter",
        "Bytes of the alerts that came.",
        "source",
        sources().map(|one| (one.name.as_str(), one.counters.bytes)),
    );
    text.each(
        "source_undecodable_total",
        "counter",
        "What came as an alert and is none.",
        "source",
        sources().map(|one| (one.name.as_str(), one.counters.undecodable)),
    );
    text.each(
        "source_refused_total",
        "counter",
        "Requests that were refused, lines that were too long.",
        "source",
        sources().map(|one| (one.name.as_str(), one.counters.refused)),
    );
    text.each(
        "source_reconnects_total",
        "counter",
        "Subscriptions made again.",
        "source",
        sources().map(|one| (one.name.as_str(), one.counters.reconnects)),
    );
    text.each(
        "source_last_alert_timestamp_seconds",
        "gauge",
        "When the last alert came.",
        "source",
        sources().filter_map(|one| {
            let since = one.counters.last_alert?.duration_since(UNIX_EPOCH).ok()?;
            Some((one.name.as_str(), since.as_secs()))
        }),
    );
    text.one(
        "spool_alerts",
        "gauge",
        "Alerts in the spool.",
        status.spooled,
    );
    text.one(
        "spool_bytes",
        "gauge",
        "Bytes of the alerts in the spool.",
        status.spooled_bytes,
    );
    text.one(
        "spool_stored_total",
        "counter",
        "Alerts that came into the spool.",
        status.stored,
    );
    text.one(
        "spool_dropped_total",
        "counter",
        "Alerts dropped as the spool was full.",
        status.dropped,
    );
    text.each(
        "sink_up",
        "gauge",
        "Whether it takes alerts.",
        "sink",
        sinks().map(|one| (one.name.as_str(), u64::from(one.failing.is_none()))),
    );
    text.each(
        "sink_delivered_total",
        "counter",
        "Alerts delivered.",
        "sink",
        sinks().map(|one| (one.name.as_str(), one.delivered)),
    );
    text.each(
        "sink_refused_total",
        "counter",
        "Alerts refused and given up.",
        "sink",
        sinks().map(|one| (one.name.as_str(), one.refused)),
    );
    text.each(
        "sink_waiting_alerts",
        "gauge",
        "Alerts in the spool that it lacks.",
        "sink",
        sinks().map(|one| (one.name.as_str(), one.waiting)),
    );
    text.0
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let name = format!("falco_client_{name}");
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "falco_client_{name} {value}");
    }

    fn each<'a>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'a str, u64)>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            let of = of
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = writeln!(self.0, "falco_client_{name}{{{label}=\"{of}\"}} {value}");
        }
    }
}
