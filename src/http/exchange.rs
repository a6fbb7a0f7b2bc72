//! Requests and answers on one connection.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ureq_proto::http::request::Parts;
use ureq_proto::http::{header, HeaderMap, Method, Response, StatusCode, Version};
use ureq_proto::server::state::{ProvideResponse, RecvBody, RecvRequest};
use ureq_proto::server::{RecvRequestResult, Reply, SendResponseResult};

use super::budget::{Budget, Share};
use super::buffer::{grow, Buffer};
use super::connections::Entry;
use super::service::{has_body, Answer, Request, Service};
use super::stream::Stream;

/// A connection without a request for so long is closed: its client connects again.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// So much of a body that is too large is read and thrown away, so that its sender hears the answer
/// and the connection goes on.
const DISCARDED: u64 = 64 << 20;

/// How long what a refused peer still sends is read: a connection that is closed with bytes unread
/// takes the answer with it.
const LINGER: Duration = Duration::from_millis(300);

pub(super) struct Limits {
    /// The largest body.
    pub body: usize,
    /// How long one request may take to come.
    pub request: Duration,
    pub budget: Budget,
}

pub(super) struct Exchange<'a, S> {
    pub stream: Stream,
    pub entry: &'a Entry,
    pub peer: SocketAddr,
    pub limits: &'a Limits,
    pub service: &'a S,
    /// What was read and not used yet.
    pub buffer: Buffer,
}

/// Why a connection ends.
enum End {
    /// Its client has closed it, or was silent between two requests.
    Quiet,
    /// Its client sends what cannot be gone on with, and may be told so.
    Refused(StatusCode, &'static str),
    /// It broke, or its request stayed incomplete.
    Broken(&'static str),
}

/// What a body was.
enum Body {
    Whole(Vec<u8>),
    TooLarge,
}

type Step<T> = Result<T, End>;

impl<S: Service> Exchange<'_, S> {
    /// Answers requests until the connection ends.
    pub(super) fn run(mut self) {
        let mut first = true;
        loop {
            match self.one(first) {
                Ok(true) => first = false,
                Ok(false) | Err(End::Quiet) => return,
                Err(End::Broken(why)) => return self.service.refused(self.peer, why),
                Err(End::Refused(status, why)) => {
                    self.service.refused(self.peer, why);
                    let text = last_answer(status, "", &format!("{why}\n"));
                    self.allow_time_to_answer();
                    if self.stream.write_all(text.as_bytes()).is_ok() {
                        self.stream.linger(LINGER);
                    }
                    return;
                }
            }
        }
    }

    /// One request. Whether another may follow.
    fn one(&mut self, first: bool) -> Step<bool> {
        let patience = if first { self.limits.request } else { IDLE };
        self.stream.set_deadline(Instant::now() + patience);
        if self.buffer.unused().is_empty() {
            match self.buffer.fill(&mut self.stream) {
                Ok(0) => return Err(End::Quiet),
                Ok(_) => {}
                Err(_) if first => return Err(End::Broken("it is silent")),
                Err(_) => return Err(End::Quiet),
            }
        }
        self.entry.begins();
        let deadline = Instant::now() + self.limits.request;
        self.stream.set_deadline(deadline);

        let (reply, head) = self.head()?;
        let (method, path, headers) = (&head.method, head.uri.path(), &head.headers);
        if is_ambiguous(&head) {
            let why = "where its body ends is not clear";
            return Err(End::Refused(StatusCode::BAD_REQUEST, why));
        }
        if *method != self.service.method() {
            return self.wrong_method(reply, headers, &format!("{method} {path}"));
        }
        if *method == Method::POST && !has_body(headers) {
            let why = "it does not say how long it is";
            return Err(End::Refused(StatusCode::LENGTH_REQUIRED, why));
        }
        let budget = &self.limits.budget;
        let mut share = budget.share();
        let (reply, body) = match reply.proceed() {
            Some(RecvRequestResult::RecvBody(reply)) => self.body(reply, &mut share, deadline)?,
            Some(RecvRequestResult::Send100(waiting)) => {
                if length(headers).is_some_and(|length| length > self.limits.body as u64) {
                    // Its sender waits for this word, and keeps the body.
                    let status = StatusCode::PAYLOAD_TOO_LARGE;
                    return Err(End::Refused(status, "its body is too large"));
                }
                let mut word = [0; 64];
                let (written, reply) = waiting
                    .accept(&mut word)
                    .map_err(|_| End::Broken("it cannot be told to go on"))?;
                self.write(word.get(..written).unwrap_or_default())?;
                self.body(reply, &mut share, deadline)?
            }
            Some(RecvRequestResult::ProvideResponse(reply)) => (reply, Body::Whole(Vec::new())),
            None => return Err(End::Refused(StatusCode::BAD_REQUEST, "it is no HTTP")),
        };
        let answer = match body {
            Body::Whole(body) => {
                let request = Request {
                    #[cfg(feature = "relay")]
                    path: path.to_owned(),
                    body,
                };
                self.entry.called();
                match self.service.call(request) {
                    Some(answer) => answer,
                    None => return Err(End::Quiet),
                }
            }
            Body::TooLarge => {
                self.service.refused(self.peer, "its body is too large");
                Answer::text(StatusCode::PAYLOAD_TOO_LARGE, "too large\n")
            }
        };
        drop(share);
        let close =
            wants_close(headers) || head.version == Version::HTTP_10 || self.entry.is_closing();
        self.answer(reply, answer, close)
    }

    fn head(&mut self) -> Step<(Reply<RecvRequest>, Parts)> {
        let mut reply = Reply::new().map_err(|_| End::Broken("it cannot be read"))?;
        loop {
            match reply.try_request(self.buffer.unused()) {
                Ok((used, Some(request))) => {
                    self.buffer.consume(used);
                    let (head, ()) = request.into_parts();
                    return Ok((reply, head));
                }
                Ok((_, None)) if self.buffer.is_full() => {
                    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                    return Err(End::Refused(status, "its head is too large"));
                }
                Ok((_, None)) => self.more()?,
                Err(_) => return Err(End::Refused(StatusCode::BAD_REQUEST, "it is no HTTP")),
            }
        }
    }

    fn body(
        &mut self,
        mut reply: Reply<RecvBody>,
        share: &mut Share<'_>,
        deadline: Instant,
    ) -> Step<(Reply<ProvideResponse>, Body)> {
        let mut body: Vec<u8> = Vec::new();
        let mut discarded = None;
        let mut chunk = [0; 8 * 1024];
        while !reply.is_ended() {
            let (used, written) = reply
                .read(self.buffer.unused(), &mut chunk)
                .map_err(|_| End::Refused(StatusCode::BAD_REQUEST, "its body is no HTTP"))?;
            self.buffer.consume(used);
            match (&mut discarded, chunk.get(..written)) {
                (Some(discarded), _) => {
                    *discarded += written as u64;
                    if *discarded > DISCARDED {
                        let status = StatusCode::PAYLOAD_TOO_LARGE;
                        return Err(End::Refused(status, "its body is far too large"));
                    }
                }
                (None, _) if body.len() + written > self.limits.body => {
                    discarded = Some(body.len() as u64);
                    body = Vec::new();
                }
                (None, Some(more)) => {
                    if !grow(&mut body, more.len(), self.limits.body, share, deadline) {
                        let status = StatusCode::SERVICE_UNAVAILABLE;
                        return Err(End::Refused(status, "too many large bodies at once"));
                    }
                    body.extend_from_slice(more);
                }
                (None, None) => {}
            }
            if used == 0 && written == 0 && !reply.is_ended() {
                self.more()?;
            }
        }
        let reply = reply
            .proceed()
            .map_err(|_| End::Broken("its body cannot be read"))?;
        match discarded {
            Some(_) => Ok((reply, Body::TooLarge)),
            None => Ok((reply, Body::Whole(body))),
        }
    }

    /// A body that nobody wants is not waited for.
    fn wrong_method(
        &mut self,
        reply: Reply<RecvRequest>,
        headers: &HeaderMap,
        asked: &str,
    ) -> Step<bool> {
        let allowed = match self.service.method().as_str() {
            "POST" => "POST",
            _ => "GET",
        };
        let answer = Answer {
            allow: Some(allowed),
            ..Answer::text(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("only {allowed} is served here\n"),
            )
        };
        let close = has_body(headers) || wants_close(headers) || self.entry.is_closing();
        let why = format!("{asked} is not served");
        self.service.refused(self.peer, &why);
        match reply.proceed() {
            Some(RecvRequestResult::ProvideResponse(reply)) => self.answer(reply, answer, close),
            Some(RecvRequestResult::Send100(waiting)) => {
                self.answer(waiting.reject(), answer, true)
            }
            // Its body is read by nobody, and must not be taken for the next request.
            _ => {
                let allow = format!("allow: {allowed}\r\n");
                let text = last_answer(answer.status, &allow, &answer.body);
                self.allow_time_to_answer();
                self.write(text.as_bytes())?;
                self.stream.linger(LINGER);
                Ok(false)
            }
        }
    }

    /// Writes an answer. Whether another request may follow.
    fn answer(&mut self, reply: Reply<ProvideResponse>, answer: Answer, close: bool) -> Step<bool> {
        const BROKEN: End = End::Broken("it cannot be answered");
        let mut response = Response::builder()
            .status(answer.status)
            .header(header::CONTENT_LENGTH, answer.body.len());
        if !answer.body.is_empty() {
            response = response.header(header::CONTENT_TYPE, answer.content_type);
        }
        if let Some(method) = answer.allow {
            response = response.header(header::ALLOW, method);
        }
        if close {
            response = response.header(header::CONNECTION, "close");
        }
        let response = response.body(()).map_err(|_| BROKEN)?;
        let mut reply = reply.provide(response).map_err(|_| BROKEN)?;
        let mut out = vec![0; 1024];
        let written = reply.write(&mut out).map_err(|_| BROKEN)?;
        out.truncate(written);
        let over = match reply.proceed() {
            SendResponseResult::SendBody(_) => {
                out.extend_from_slice(answer.body.as_bytes());
                close
            }
            SendResponseResult::Cleanup(over) => over.must_close_connection() || close,
        };
        self.allow_time_to_answer();
        self.write(&out)?;
        Ok(self.entry.answered() && !over)
    }

    fn more(&mut self) -> Step<()> {
        match self.buffer.fill(&mut self.stream) {
            Ok(0) => Err(End::Broken("it ended in the middle of a request")),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(End::Refused(
                StatusCode::REQUEST_TIMEOUT,
                "its request took too long",
            )),
            Err(_) => Err(End::Broken("it broke in the middle of a request")),
        }
    }

    /// The request may have used up its own time.
    fn allow_time_to_answer(&mut self) {
        let deadline = Instant::now() + self.limits.request;
        self.stream.set_deadline(deadline);
    }

    fn write(&mut self, bytes: &[u8]) -> Step<()> {
        let written = self.stream.write_all(bytes);
        written.map_err(|_| End::Broken("it does not take its answer"))
    }
}

/// An answer by hand, to what was no whole request. Nothing can follow it.
fn last_answer(status: StatusCode, headers: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-type: text/plain\r\n\
         content-length: {}\r\n\r\n{text}",
        text.len()
    )
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Where a proxy before us may see another end of the body than we do, so that what one takes for a body
/// is a request to the other.
fn is_ambiguous(head: &Parts) -> bool {
    let mut encodings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => head.headers.get_all(header::CONTENT_LENGTH).iter().count() > 1,
        (Some(encoding), None) => {
            !encoding.as_bytes().eq_ignore_ascii_case(b"chunked")
                || head.version != Version::HTTP_11
                || head.headers.contains_key(header::CONTENT_LENGTH)
        }
        (Some(_), Some(_)) => true,
    }
}

fn wants_close(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).iter();
    let mut words = values.filter_map(|value| value.to_str().ok());
    words.any(|value| value.to_ascii_lowercase().contains("close"))
}
