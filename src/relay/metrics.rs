//! `/healthz` and `/metrics` of a relay, over HTTP.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ureq_proto::http::{Method, StatusCode};

use super::prometheus;
use super::status::{Status, Watched};
use crate::delivery::State;
use crate::endpoint::{authority, cannot_listen, Endpoint};
use crate::error::{Error, Result};
use crate::http::{
    HttpRequest, HttpResponse, HttpService, ListenOptions, Listener, Refusal, Rejection,
    RequestHead, Shutdown, ShutdownSignal,
};
use crate::util::thread::spawn_named;

/// Enough for the probes and scrapers of one relay.
const MAX_CONNECTIONS: usize = 16;

/// A probe or a scraper sends no body.
const MAX_BODY: usize = 64 * 1024;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Metrics {
    address: String,
    bell: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Metrics {
    pub(super) fn start(address: &str, watched: Arc<Watched>) -> Result<Metrics> {
        let (address, listener) = Metrics::bind(address)?;
        let listener = Arc::new(listener);
        let failed = |error: std::io::Error| {
            let remedy = "allow more threads and open files";
            let problem = (format!("cannot be served: {error}"), remedy);
            Error::listen(&address, problem, Some(error.into()))
        };
        let (bell, ringing) = UnixStream::pair().map_err(failed)?;
        ringing.set_nonblocking(true).map_err(failed)?;
        let service = Arc::new(StatusService { watched });
        let run = move || listener.serve(&service, &EndOfPair(ringing));
        let thread = Some(spawn_named("relay-metrics", run).map_err(failed)?);
        Ok(Metrics {
            address,
            bell,
            thread,
        })
    }

    fn bind(address: &str) -> Result<(String, Listener)> {
        let endpoint: Endpoint = format!("listen+http://{address}").parse()?;
        let Endpoint::Listen { host, port, .. } = &endpoint else {
            let problem = ("is no address to listen at", "write ADDR:PORT");
            return Err(Error::endpoint(address, problem));
        };
        let options = ListenOptions {
            host: host.clone(),
            port: *port,
            tls: None,
            max_body: MAX_BODY,
            request_timeout: REQUEST_TIMEOUT,
            max_connections: MAX_CONNECTIONS,
        };
        let listener = Listener::bind(options).map_err(|error| cannot_listen(&endpoint, error))?;
        Ok((authority(host, listener.port()), listener))
    }

    /// Whether it can be served there.
    pub(super) fn check(address: &str) -> Result<()> {
        Metrics::bind(address).map(drop)
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        // Its other end then is at its end, which ends the listener.
        let _ = self.bell.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Ends the listener when the other end of the pair is shut down.
struct EndOfPair(UnixStream);

impl ShutdownSignal for EndOfPair {
    fn readable(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn requested(&self) -> Shutdown {
        use std::io::Read as _;
        // Nothing is ever written: it is at its end, or there is nothing to read yet.
        match (&self.0).read(&mut [0]).is_ok() {
            true => Shutdown::Immediate,
            false => Shutdown::No,
        }
    }
}

struct StatusService {
    watched: Arc<Watched>,
}

impl HttpService for StatusService {
    fn check(&self, head: &RequestHead) -> std::result::Result<(), Rejection> {
        match head.method {
            Method::GET => Ok(()),
            _ => Err(Rejection::method(head, "GET")),
        }
    }

    fn call(&self, request: HttpRequest) -> Option<HttpResponse> {
        let status = self.watched.status();
        Some(match request.head.uri.path() {
            "/healthz" => {
                let code = match status.is_healthy() && !self.watched.is_stopping() {
                    true => StatusCode::OK,
                    false => StatusCode::SERVICE_UNAVAILABLE,
                };
                HttpResponse::text(code, health(&status, &self.watched))
            }
            // Whatever its sinks do: to restart it would help none of them.
            "/livez" => HttpResponse::text(StatusCode::OK, "ok\n"),
            "/metrics" => {
                let mut text = prometheus::text(&status);
                if let Some(events) = self.watched.events() {
                    text.push_str(&prometheus::events(&events));
                }
                HttpResponse {
                    content_type: "text/plain; version=0.0.4; charset=utf-8",
                    ..HttpResponse::text(StatusCode::OK, text)
                }
            }
            _ => HttpResponse::text(StatusCode::NOT_FOUND, "see /healthz, /livez and /metrics\n"),
        })
    }

    fn refused(&self, peer: SocketAddr, refusal: &Refusal) {
        log::debug!("metrics: refused {peer}: {refusal}");
    }

    fn failed(&self, problem: fmt::Arguments<'_>) {
        log::debug!("metrics: {problem}");
    }
}

/// A line for each source and sink, for what is wrong with the spool, and for dead letters, which are no
/// failure by themselves.
fn health(status: &Status, watched: &Watched) -> String {
    let mut text = String::new();
    for source in &status.sources {
        let state = match &source.state {
            State::Following | State::Connecting if source.brings_no_alerts() => format!(
                "no alerts come, {} messages that are none: set json_output: true in falco.yaml",
                source.since_alert
            ),
            State::Connecting => "connecting".to_owned(),
            State::Following => "ok".to_owned(),
            State::Waiting { why, .. } => why.to_string(),
            State::Ended => "ended".to_owned(),
        };
        let partitions = match source.counters.partitions {
            Some(1) => ", 1 partition".to_owned(),
            Some(count) => format!(", {count} partitions"),
            None => String::new(),
        };
        let lag = match source.counters.lag {
            Some(count) => format!(", {count} to read"),
            None => String::new(),
        };
        let _ = writeln!(text, "from {}: {state}{partitions}{lag}", source.name);
    }
    for trouble in status.spool_troubles() {
        let (alerts, bytes) = (status.spooled, status.spooled_bytes);
        let _ = writeln!(
            text,
            "spool: {trouble}, {alerts} alerts ({bytes} bytes) in it"
        );
    }
    if status.spool_rebuilt > 0 || status.spool_damaged > 0 {
        let (times, damaged) = (status.spool_rebuilt, status.spool_damaged);
        let _ = writeln!(
            text,
            "spool: stored anew {times} times since the start, {damaged} alerts were damaged or lost"
        );
    }
    for sink in &status.sinks {
        let state = sink.failing.as_deref().unwrap_or("ok");
        let cut = match sink.cut {
            0 => String::new(),
            cut => format!(", streams ended whose clients took nothing: {cut}"),
        };
        let held_back = match sink.held_back {
            0 => String::new(),
            count => format!(", alerts that it fails on, others first: {count}"),
        };
        let (name, waiting) = (&sink.name, sink.waiting);
        let _ = writeln!(
            text,
            "to {name}: {state}, {waiting} waiting{held_back}{cut}"
        );
    }
    if let Some(path) = watched
        .dead_letters
        .path()
        .filter(|_| status.dead_letters > 0)
    {
        let (count, path) = (status.dead_letters, path.display());
        let full = match status.dead_letters_full {
            true => ", which is full: further ones are in the log",
            false => "",
        };
        let _ = writeln!(text, "dead letters: {count} in {path}{full}");
    }
    if status.given_up_logged > 0 {
        let count = status.given_up_logged;
        let _ = writeln!(text, "dead letters: {count} in the log");
    }
    text
}
