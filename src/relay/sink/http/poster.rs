//! Posts alerts to a sink.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

use ureq::http::HeaderMap;
use ureq::{Agent, Timeout};

use super::super::batching::Batching;
use super::body::RequestBody;
use super::headers::Headers;
use crate::relay::deliver::{BatchLimits, Deliver, Delivery, Failure, Reason, RefusedAlert};
use crate::relay::spool::Entry;
use crate::relay::trail::{self, Trail};

/// How much of an answer's text is kept.
const EXCERPT: usize = 200;

/// How much of it is read, in bytes.
const LONGEST_ANSWER: u64 = 64 * 1024;

pub(super) struct Poster {
    pub headers: Headers,
    pub agent: Agent,
    pub url: String,
    pub labelled: bool,
    pub gzip: bool,
    /// How long a request may take.
    pub timeout: Duration,
    /// The last request was answered.
    pub keeps_connection: bool,
    pub batching: Option<Batching>,
    /// How many alerts and bytes the next request may have: less after one that was not taken.
    pub alerts: usize,
    pub bytes: usize,
    /// How many requests of a single alert come first: after one that failed, each alert that was in it
    /// shows by itself whether the sink fails on it.
    pub alone: usize,
    /// The relays that alerts have passed.
    pub trail: Option<Arc<Trail>>,
    /// The header by which the sink has found that its alerts come back. It is sent until the sink takes
    /// something: later requests of others must not push the sink's id out of it.
    pub looped: Option<String>,
}

/// What a sink has answered to a request that may be at fault.
struct RefusedRequest {
    is_too_large: bool,
    reason: Reason,
}

impl Deliver for Poster {
    fn batch_size(&self) -> usize {
        self.alerts
    }

    fn batch_limits(&self) -> Option<BatchLimits> {
        let Batching {
            alerts,
            bytes,
            delay,
            ..
        } = self.batching?;
        Some(BatchLimits {
            alerts,
            bytes,
            delay,
        })
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        loop {
            let most = batch.get(..self.alerts).unwrap_or(batch);
            let format = self.batching.map(|batching| batching.format);
            let mut body = RequestBody::new(most, self.bytes, format, self.labelled);
            let (handled, length) = (body.handled, body.len());
            let numbers = std::mem::take(&mut body.numbers);
            let mut refused = std::mem::take(&mut body.refused);
            let [number, others @ ..] = numbers.as_slice() else {
                return Ok(Delivery { handled, refused });
            };
            match self.post(body) {
                Ok(None) => self.grow(),
                // One of them may be at fault.
                Ok(Some(refusal)) if !others.is_empty() => {
                    self.alerts = (numbers.len() / 2).max(1);
                    if refusal.is_too_large {
                        self.bytes = (length / 2).max(1);
                    }
                    continue;
                }
                Ok(Some(refusal)) => {
                    refused.push(RefusedAlert {
                        number: *number,
                        reason: refusal.reason,
                    });
                    refused.sort_by_key(|refusal| refusal.number);
                }
                Err(failure) => {
                    self.alerts = 1;
                    self.alone = self.alone.max(numbers.len());
                    self.headers.refresh();
                    return Err(failure);
                }
            }
            return Ok(Delivery { handled, refused });
        }
    }
}

impl Poster {
    fn grow(&mut self) {
        self.alone = self.alone.saturating_sub(1);
        if self.alone > 0 {
            return;
        }
        let most = self.batching.map_or(1, |batching| batching.alerts);
        self.alerts = (self.alerts * 2).min(most);
    }

    /// Posts alerts. Returns why they are refused, if they are.
    fn post(&mut self, body: RequestBody) -> Result<Option<RefusedRequest>, Failure> {
        let content_type = body.content_type();
        let bytes = body.into_bytes(self.gzip)?;
        let passed = || self.trail.as_ref().map(|trail| trail.header());
        let passed = self.looped.clone().or_else(passed);
        let send = || {
            let mut request = self.agent.post(&self.url).content_type(content_type);
            if self.gzip {
                request = request.header("Content-Encoding", "gzip");
            }
            if let Some(passed) = &passed {
                request = request.header(trail::HEADER, passed);
            }
            for (name, value) in self.headers.iter() {
                request = request.header(name, value);
            }
            request.send(bytes.as_slice())
        };
        let answer = match send() {
            // A kept connection may have been closed meanwhile, which is no failure yet.
            Err(ureq::Error::Io(_)) if self.keeps_connection => send(),
            answer => answer,
        };
        self.keeps_connection = answer.is_ok();
        let mut answer = answer.map_err(|error| self.failure(&error))?;
        let status = answer.status();
        let retry_after = retry_after(answer.headers());
        // A connection can be used again only when the text has been read.
        let mut text = Vec::new();
        let mut body = answer.body_mut().as_reader().take(LONGEST_ANSWER);
        // The alerts are answered for, whatever becomes of the text.
        let _ = body.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        match status.as_u16() {
            200..=299 => {
                self.looped = None;
                Ok(None)
            }
            508 => {
                self.looped = passed;
                Err(Failure {
                    problem: format!(
                        "it answers {status}: this relay's own alerts come back from there; let a \
                         relay on the way not send them on"
                    ),
                    retry_after,
                    is_of_no_alert: true,
                    timed_out: false,
                })
            }
            // What is wrong is an alert, if the sink takes others.
            code @ (400 | 413 | 415 | 422) => Ok(Some(RefusedRequest {
                is_too_large: code == 413,
                reason: Reason::Answer {
                    status: status.to_string(),
                    excerpt: text.trim().chars().take(EXCERPT).collect(),
                },
            })),
            _ => Err(Failure {
                retry_after,
                ..Failure::new(format!("it answers {status}"))
            }),
        }
    }

    fn failure(&self, error: &ureq::Error) -> Failure {
        let timed_out = match error {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => false,
            ureq::Error::Timeout(_) => true,
            _ => false,
        };
        let problem = match timed_out {
            true => format!(
                "it has not answered within {} s",
                self.timeout.as_secs_f64()
            ),
            false => error.to_string(),
        };
        Failure {
            is_of_no_alert: has_sent_nothing(error),
            timed_out,
            ..Failure::new(problem)
        }
    }
}

/// Whether there was no connection, so that the sink has seen no alert.
fn has_sent_nothing(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => !matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::InvalidData
                | io::ErrorKind::Other
        ),
        ureq::Error::Timeout(timeout) => matches!(timeout, Timeout::Connect | Timeout::Resolve),
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Tls(_)
        | ureq::Error::NativeTls(_)
        | ureq::Error::TlsRequired => true,
        _ => false,
    }
}

/// How long the sink asks to wait, where it says so in seconds (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse();
    Some(Duration::from_secs(seconds.ok()?))
}
