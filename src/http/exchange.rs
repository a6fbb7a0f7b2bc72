//! Requests and responses on one connection.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ureq_proto::http::{Method, StatusCode};
use ureq_proto::server::state::RecvRequest;
use ureq_proto::server::{RecvRequestResult, Reply};

use super::budget::Budget;
use super::buffer::Buffer;
use super::connection::PeerConnection;
use super::connections::ConnectionEntry;
use super::encoding::Encoding;
use super::framing::{content_length, has_body, is_ambiguous, wants_close};
use super::message::{HttpRequest, HttpResponse, RequestHead};
use super::protocol::Protocol;
use super::refusal::{Refusal, Rejection};
use super::service::HttpService;
use super::stream::Stream;

/// How long input from a refused peer is read: closing a connection with unread input discards the
/// response as well.
const LINGER: Duration = Duration::from_secs(2);

pub(super) struct Limits {
    pub max_body: usize,
    /// For one request to arrive, and for its response to be written.
    pub request_timeout: Duration,
    pub budget: Budget,
}

pub(super) struct Exchange<'a, S> {
    pub stream: Stream,
    pub entry: ConnectionEntry,
    pub peer: SocketAddr,
    /// See [`PeerConnection`].
    pub answered: Option<Instant>,
    pub limits: &'a Limits,
    pub service: &'a S,
    pub buffer: Buffer,
    /// There is no room for it: it may probe, once, but not post.
    pub turned_away: bool,
}

/// Why a connection ends.
pub(super) enum ConnectionEnd {
    /// The client closed it or was idle, or the service ended it.
    Closed,
    /// It has not ended: no request has come for a while.
    Silent,
    /// The client sent something that cannot be served.
    Refused(Refusal),
}

impl From<Refusal> for ConnectionEnd {
    fn from(refusal: Refusal) -> ConnectionEnd {
        ConnectionEnd::Refused(refusal)
    }
}

/// The body of a request.
pub(super) enum Body {
    Whole(Vec<u8>),
    /// It was read to its end, and discarded.
    TooLarge,
    /// It cannot be unpacked.
    Damaged(&'static str),
}

impl<'a, S: HttpService> Exchange<'a, S> {
    pub(super) fn of(connection: PeerConnection, limits: &'a Limits, service: &'a S) -> Self {
        let PeerConnection {
            stream,
            entry,
            peer,
            turned_away,
            answered,
        } = connection;
        Exchange {
            stream,
            entry,
            peer,
            answered,
            limits,
            service,
            buffer: Buffer::default(),
            turned_away,
        }
    }

    /// Answers requests until the connection ends, or is silent for as long as `patience`: then it is returned.
    pub(super) fn run(mut self, patience: Duration) -> Option<PeerConnection> {
        loop {
            match self.serve_request(patience) {
                Ok(true) => self.answered = Some(Instant::now()),
                Ok(false) | Err(ConnectionEnd::Closed) => return None,
                Err(ConnectionEnd::Silent) => break,
                Err(ConnectionEnd::Refused(refusal)) => {
                    self.refuse(&refusal);
                    return None;
                }
            }
        }
        Some(PeerConnection {
            stream: self.stream,
            entry: self.entry,
            peer: self.peer,
            turned_away: self.turned_away,
            answered: self.answered,
        })
    }

    /// Refuses what the connection sends, and ends it.
    pub(super) fn refuse(mut self, refusal: &Refusal) {
        self.service.refused(self.peer, refusal);
        if let Some(response) = refusal.response() {
            if self.respond_last(&response).is_ok() {
                self.stream.linger(LINGER);
            }
        }
    }

    /// Serves one request. Whether another may follow.
    fn serve_request(&mut self, patience: Duration) -> Result<bool, ConnectionEnd> {
        self.wait_for_request(patience)?;
        self.entry.begins();
        let deadline = Instant::now() + self.limits.request_timeout;
        self.stream.set_deadline(deadline);

        let (reply, head) = self.read_head()?;
        if is_ambiguous(&head) {
            return Err(Refusal::AmbiguousLength.into());
        }
        if let Err(rejection) = self.service.check(&head) {
            return self.reject(reply, &head, rejection);
        }
        if self.turned_away && (head.method == Method::POST || has_body(&head.headers)) {
            return Err(Refusal::TooManyConnections.into());
        }
        if head.method == Method::POST && !has_body(&head.headers) {
            if self.service.needs_body(&head) {
                return Err(ConnectionEnd::Refused(Refusal::MissingLength));
            }
            return self.serve_without_body(head);
        }
        let encoding = match has_body(&head.headers) {
            true => Encoding::of(&head.headers),
            false => Ok(None),
        };
        let encoding = match encoding {
            Ok(encoding) => encoding,
            Err(rejection) => return self.reject(reply, &head, rejection),
        };
        let mut close = wants_close(&head) || self.turned_away;
        let budget = &self.limits.budget;
        let mut share = budget.share();
        let length = content_length(&head.headers);
        let (reply, body) = match reply.proceed() {
            Some(RecvRequestResult::RecvBody(reply)) => {
                self.read_body(reply, length, &mut share, deadline)?
            }
            Some(RecvRequestResult::Send100(waiting)) => {
                if length.is_some_and(|length| length > self.limits.max_body as u64) {
                    // The sender waits for this response before it sends the body.
                    return Err(Refusal::BodyTooLarge.into());
                }
                let mut interim = [0; 64];
                let (written, reply) = waiting
                    .accept(&mut interim)
                    .map_err(|_| Refusal::Unanswerable)?;
                self.write(interim.get(..written).unwrap_or_default())?;
                self.read_body(reply, length, &mut share, deadline)?
            }
            Some(RecvRequestResult::ProvideResponse(reply)) => {
                // A body that no method has is not read, and must not be taken for the next request.
                close |= has_body(&head.headers);
                (reply, Body::Whole(Vec::new()))
            }
            None => return Err(Refusal::NotHttp.into()),
        };
        let body = match (body, encoding) {
            (Body::Whole(body), Some(encoding)) => {
                self.unpack(encoding, &body, &mut share, deadline)?
            }
            (body, _) => body,
        };
        let response = match body {
            Body::Whole(body) => {
                self.entry.called();
                let request = HttpRequest { head, body };
                self.service.call(request).ok_or(ConnectionEnd::Closed)?
            }
            Body::TooLarge => {
                self.service.refused(self.peer, &Refusal::BodyTooLarge);
                HttpResponse::text(StatusCode::PAYLOAD_TOO_LARGE, "too large\n")
            }
            Body::Damaged(problem) => {
                let refusal = Refusal::BodyDamaged(problem);
                self.service.refused(self.peer, &refusal);
                HttpResponse::text(StatusCode::BAD_REQUEST, format!("{refusal}\n"))
            }
        };
        drop(share);
        close |= self.entry.is_closing();
        self.respond(reply, &response, close)
    }

    /// Serves a request that has neither a body nor a length. Nothing can follow it.
    fn serve_without_body(&mut self, head: RequestHead) -> Result<bool, ConnectionEnd> {
        self.entry.called();
        let body = Vec::new();
        let response = self.service.call(HttpRequest { head, body });
        self.respond_last(&response.ok_or(ConnectionEnd::Closed)?)?;
        self.stream.linger(LINGER);
        Ok(false)
    }

    fn wait_for_request(&mut self, patience: Duration) -> Result<(), ConnectionEnd> {
        if !self.buffer.unused().is_empty() {
            return Ok(());
        }
        let first = self.answered.is_none();
        if !first && !self.stream.wait(patience) {
            return Err(ConnectionEnd::Silent);
        }
        self.stream
            .set_deadline(Instant::now() + self.limits.request_timeout);
        match self.buffer.fill(&mut self.stream) {
            Ok(1..) => Ok(()),
            Err(error) if first && error.kind() == io::ErrorKind::TimedOut => {
                Err(ConnectionEnd::Refused(Refusal::NoRequest))
            }
            Ok(0) | Err(_) if first && self.stream.is_tls() && !self.entry.was_ended() => {
                Err(ConnectionEnd::Refused(Refusal::EndedAfterHandshake))
            }
            // As a probe does that only connects.
            Ok(0) | Err(_) => Err(ConnectionEnd::Closed),
        }
    }

    fn read_head(&mut self) -> Result<(Reply<RecvRequest>, RequestHead), ConnectionEnd> {
        let mut reply = Reply::new().map_err(|_| Refusal::Broken)?;
        loop {
            match reply.try_request(self.buffer.unused()) {
                Ok((used, Some(request))) => {
                    self.buffer.consume(used);
                    let (head, ()) = request.into_parts();
                    return Ok((reply, head));
                }
                Ok((_, None)) if self.buffer.is_full() => {
                    return Err(Refusal::HeadTooLarge.into());
                }
                Ok((_, None)) => self.read_more()?,
                Err(_) => {
                    let protocol = Protocol::of(self.buffer.unused());
                    return Err(ConnectionEnd::Refused(
                        protocol.map_or(Refusal::NotHttp, Refusal::Protocol),
                    ));
                }
            }
        }
    }

    /// Answers a request by its head alone: its body is not waited for.
    fn reject(
        &mut self,
        reply: Reply<RecvRequest>,
        head: &RequestHead,
        rejection: Rejection,
    ) -> Result<bool, ConnectionEnd> {
        let Rejection {
            kind,
            reason,
            response,
        } = rejection;
        self.service
            .refused(self.peer, &Refusal::Rejected { kind, reason });
        let close = has_body(&head.headers)
            || wants_close(head)
            || self.turned_away
            || self.entry.is_closing();
        match reply.proceed() {
            Some(RecvRequestResult::ProvideResponse(reply)) => {
                self.respond(reply, &response, close)
            }
            Some(RecvRequestResult::Send100(waiting)) => {
                self.respond(waiting.reject(), &response, true)
            }
            // The body is not read, and must not be taken for the next request.
            _ => {
                self.respond_last(&response)?;
                self.stream.linger(LINGER);
                Ok(false)
            }
        }
    }

    /// Reads more of a request that has begun.
    pub(super) fn read_more(&mut self) -> Result<(), ConnectionEnd> {
        match self.buffer.fill(&mut self.stream) {
            Ok(0) => Err(Refusal::Incomplete.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Refusal::TooSlow.into()),
            Err(_) => Err(Refusal::Broken.into()),
        }
    }
}
