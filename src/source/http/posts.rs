//! Answers posted alerts.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::{Arc, Mutex};

use ureq_proto::http::{Method, StatusCode};

use super::admission::{PostAdmission, PostGuard, UNAUTHORIZED};
use super::held::HeldPosts;
use super::probes;
use super::split::Values;
use crate::delivery::{Intake, Message, Mode};
use crate::error::{Error, TEXT_REMEDY};
use crate::format::Format;
use crate::http::{
    HttpRequest, HttpResponse, HttpService, Protocol, Refusal, Rejection, RequestHead, Shutdown,
    ShutdownSignal,
};
use crate::json::line_message;
use crate::source::lines::envelope::is_text_alert;
use crate::source::text_alerts::TextAlerts;
use crate::util::lock::lock;
use crate::util::rate_limited_log::RateLimitedLog;
use crate::util::thread::deliver_here;

/// How many alerts of one body, and bytes of them, are put together at most.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// How many of the values that are no alerts a response describes.
const DESCRIBED: usize = 10;

pub(super) struct Posts {
    pub endpoint: String,
    pub admission: Arc<PostAdmission>,
    pub guard: Option<Arc<dyn PostGuard>>,
    pub held: HeldPosts,
    pub intake: Arc<Intake>,
    pub log: RateLimitedLog,
    pub texts: Mutex<TextAlerts>,
}

impl Posts {
    /// Delivers one value of a body. What is wrong with it, if something is; None where nobody takes it.
    fn deliver(&self, value: &[u8]) -> Option<Result<(), String>> {
        match line_message(value) {
            Ok(message) => self.put(Ok(posted(message))).map(Ok),
            Err(problem) => self.report(value, problem).map(Err),
        }
    }

    /// Delivers that this is no alert.
    fn report(&self, value: &[u8], problem: String) -> Option<String> {
        let error = Error::not_json(&self.endpoint, value.into(), problem.clone());
        self.put(Err(Box::new(error))).map(|()| problem)
    }

    /// An alert came as text.
    fn text(&self, body: &[u8]) -> Option<HttpResponse> {
        match lock(&self.texts).take(body) {
            Some(error) => self.put(Err(Box::new(error)))?,
            None => self.intake.control().counters.undecodable(),
        }
        let text = format!("Falco writes its alerts as text; {TEXT_REMEDY}\n");
        Some(HttpResponse::text(StatusCode::BAD_REQUEST, text))
    }

    fn put(&self, item: Result<Message, Box<Error>>) -> Option<()> {
        let _taken = self.held.enter();
        self.intake.put(item).ok()
    }

    fn put_all(&self, messages: Vec<Message>) -> Option<()> {
        if messages.is_empty() {
            return Some(());
        }
        let _taken = self.held.enter();
        self.intake.put_all(messages).ok()
    }

    /// Delivers each value of a body that is not one alert.
    fn deliver_all(&self, body: &[u8]) -> Option<HttpResponse> {
        let (mut count, mut bad, mut problems) = (0_usize, 0_usize, String::new());
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for value in Values::of(body) {
            count += 1;
            match line_message(value) {
                Ok(message) => {
                    bytes += message.len();
                    batch.push(posted(message));
                    if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                        bytes = 0;
                        self.put_all(std::mem::take(&mut batch))?;
                    }
                }
                Err(problem) => {
                    self.put_all(std::mem::take(&mut batch))?;
                    let problem = self.report(value, problem)?;
                    bad += 1;
                    if bad <= DESCRIBED {
                        let _ = writeln!(problems, "{count}: {problem}");
                    }
                }
            }
        }
        self.put_all(batch)?;
        if bad == 0 {
            return Some(HttpResponse {
                proves_peer: count > 0,
                ..taken()
            });
        }
        let mut text = match count - bad {
            0 => format!("none of {count} is an alert\n{problems}"),
            good => {
                format!("{bad} of {count} are no alerts, the other {good} are taken\n{problems}")
            }
        };
        if let more @ 1.. = bad.saturating_sub(DESCRIBED) {
            let _ = writeln!(text, "and {more} more");
        }
        Some(HttpResponse {
            proves_peer: bad < count,
            ..HttpResponse::text(StatusCode::BAD_REQUEST, text)
        })
    }

    fn is_of_one(body: &[u8]) -> bool {
        body.is_empty() || Values::of(body).take(2).eq([body])
    }
}

impl ShutdownSignal for Posts {
    fn readable(&self) -> BorrowedFd<'_> {
        self.intake.changed().as_fd()
    }

    fn requested(&self) -> Shutdown {
        match self.intake.mode() {
            Mode::Run => Shutdown::No,
            Mode::Close => Shutdown::Graceful,
            Mode::Cancel | Mode::Abandon => Shutdown::Immediate,
        }
    }
}

impl HttpService for Posts {
    fn check(&self, head: &RequestHead) -> Result<(), Rejection> {
        match head.method {
            Method::POST => {
                self.admission.check(head)?;
                let guard = self.guard.as_ref();
                guard.map_or(Ok(()), |guard| guard.check(head))
            }
            _ if probes::is_probe(head) => Ok(()),
            _ => Err(Rejection::method(head, probes::METHODS)),
        }
    }

    fn needs_body(&self, head: &RequestHead) -> bool {
        !probes::wants_test(head, b"")
    }

    fn call(&self, request: HttpRequest) -> Option<HttpResponse> {
        if let Some(response) = probes::answer(&request.head) {
            return Some(response);
        }
        // A callback may run on this thread.
        deliver_here();
        let body = request.body.trim_ascii();
        if probes::wants_test(&request.head, body) {
            let problem = self.deliver(probes::test_alert().as_bytes())?.err();
            let mut answer = problem.map_or_else(taken, is_no_alert);
            // Anyone can ask for it.
            answer.proves_peer = false;
            return Some(answer);
        }
        match line_message(body) {
            Ok(message) => {
                // The body is not needed while the intake waits for room.
                drop(request);
                self.put(Ok(posted(message))).map(|()| taken())
            }
            Err(_) if is_text_alert(body) => self.text(body),
            Err(problem) if Posts::is_of_one(body) => self.report(body, problem).map(is_no_alert),
            Err(_) => self.deliver_all(body),
        }
    }

    fn refused(&self, peer: SocketAddr, refusal: &Refusal) {
        let counters = &self.intake.control().counters;
        counters.refused();
        if refusal.kind() == UNAUTHORIZED {
            counters.unauthorized();
        }
        let endpoint = &self.endpoint;
        let remedy = match refusal {
            Refusal::Protocol(protocol) => remedy(*protocol),
            Refusal::Rejected { kind, .. } if *kind == UNAUTHORIZED => {
                "; if it is a Falco, its alerts are lost: write the token into http_output.url, as in \
                 http://falco:TOKEN@host:port/"
            }
            Refusal::CertificateRejected(_) => {
                "; if it is a Falco, its alerts are lost: see that http_output.ca_cert is the CA that \
                 signed our certificate, which has the name in http_output.url"
            }
            Refusal::EndedAfterHandshake => {
                "; if it is a Falco, its alerts are lost: see that our certificate has the name in \
                 http_output.url"
            }
            Refusal::TooManyConnections => {
                "; if it is a Falco, its alerts are lost: allow more with max_connections, and more \
                 open files with ulimit -n"
            }
            _ => "",
        };
        self.log.warn(
            refusal.kind(),
            format_args!("{endpoint}: refused {peer}: {refusal}{remedy}"),
        );
    }

    fn failed(&self, problem: fmt::Arguments<'_>) {
        self.log.warn(
            "failures of the system",
            format_args!("{}: {problem}", self.endpoint),
        );
    }
}

fn remedy(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tls => "; use listen+https here, or http:// in http_output.url",
        Protocol::PlainHttp => "; use https:// in http_output.url, or listen+http here",
        Protocol::Http2 => "; let the proxy or mesh in front speak HTTP/1.1 to this port",
        Protocol::Proxy => "; turn the PROXY protocol off in the load balancer in front",
    }
}

fn taken() -> HttpResponse {
    HttpResponse {
        proves_peer: true,
        ..HttpResponse::empty(StatusCode::OK)
    }
}

fn is_no_alert(problem: String) -> HttpResponse {
    HttpResponse::text(StatusCode::BAD_REQUEST, problem + "\n")
}

fn posted(bytes: Vec<u8>) -> Message {
    Message {
        bytes,
        format: Format::JsonLine,
        position: None,
        number: 0,
    }
}
