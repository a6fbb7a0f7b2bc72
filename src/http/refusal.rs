//! Why requests and connections are refused.

use std::fmt;

use ureq_proto::http::header::RETRY_AFTER;
use ureq_proto::http::StatusCode;

use super::message::{HttpResponse, RequestHead};
use super::protocol::Protocol;

/// When a peer may try again for which there is no room now.
const RETRY_AFTER_SECONDS: &str = "5";

/// A connection or a request that was refused before a service got it.
#[derive(Debug)]
pub(crate) enum Refusal {
    TooManyConnections,
    /// With the error of the TLS library.
    Handshake(String),
    /// With the TLS alert that the peer sent.
    CertificateRejected(String),
    /// With TLS, and without a request.
    EndedAfterHandshake,
    /// Not even a first request began.
    NoRequest,
    NotHttp,
    /// Another protocol.
    Protocol(Protocol),
    BodyNotHttp,
    /// It cannot be unpacked, and why.
    BodyDamaged(&'static str),
    /// Where a proxy may see another end of the body.
    AmbiguousLength,
    MissingLength,
    HeadTooLarge,
    BodyTooLarge,
    /// Too large even to be read and discarded.
    BodyFarTooLarge,
    TooManyLargeBodies,
    TooSlow,
    /// The connection ended in the middle of a request.
    Incomplete,
    /// The connection failed in the middle of a request.
    Broken,
    /// The response could not be written.
    Unanswerable,
    /// The service rejected it by its head.
    Rejected {
        kind: &'static str,
        reason: String,
    },
}

impl Refusal {
    /// The kind, by which a log limits its lines.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Refusal::TooManyConnections => "no room for connections",
            Refusal::Handshake(_) => "failed TLS handshakes",
            Refusal::CertificateRejected(_) => "peers that reject the certificate",
            Refusal::EndedAfterHandshake => "connections ended after the TLS handshake",
            Refusal::NoRequest => "connections without a request",
            Refusal::TooSlow => "requests that took too long",
            Refusal::NotHttp => "requests that are not HTTP",
            Refusal::Protocol(protocol) => protocol.kind(),
            Refusal::BodyNotHttp => "bodies that are not HTTP",
            Refusal::BodyDamaged(_) => "bodies that cannot be unpacked",
            Refusal::AmbiguousLength => "bodies whose end is not clear",
            Refusal::MissingLength => "requests without a length",
            Refusal::HeadTooLarge => "heads that are too large",
            Refusal::BodyTooLarge | Refusal::BodyFarTooLarge => "bodies that are too large",
            Refusal::TooManyLargeBodies => "too many large bodies",
            Refusal::Incomplete | Refusal::Broken | Refusal::Unanswerable => "broken connections",
            Refusal::Rejected { kind, .. } => kind,
        }
    }

    /// The answer, where the peer may still read it.
    pub(super) fn response(&self) -> Option<HttpResponse> {
        let status = self.status()?;
        let mut response = HttpResponse::text(status, format!("{self}\n"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers.push((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        Some(response)
    }

    fn status(&self) -> Option<StatusCode> {
        match self {
            Refusal::NotHttp
            | Refusal::Protocol(_)
            | Refusal::BodyNotHttp
            | Refusal::BodyDamaged(_)
            | Refusal::AmbiguousLength => Some(StatusCode::BAD_REQUEST),
            Refusal::MissingLength => Some(StatusCode::LENGTH_REQUIRED),
            Refusal::HeadTooLarge => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Refusal::BodyTooLarge | Refusal::BodyFarTooLarge => Some(StatusCode::PAYLOAD_TOO_LARGE),
            Refusal::TooManyConnections | Refusal::TooManyLargeBodies => {
                Some(StatusCode::SERVICE_UNAVAILABLE)
            }
            Refusal::TooSlow => Some(StatusCode::REQUEST_TIMEOUT),
            Refusal::Handshake(_)
            | Refusal::CertificateRejected(_)
            | Refusal::EndedAfterHandshake
            | Refusal::NoRequest
            | Refusal::Incomplete
            | Refusal::Broken
            | Refusal::Unanswerable
            | Refusal::Rejected { .. } => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::TooManyConnections => "all connections are taken",
            Refusal::Handshake(error) => {
                return write!(f, "its TLS handshake failed: {error}");
            }
            Refusal::CertificateRejected(alert) => {
                return write!(f, "it rejects our certificate (TLS alert: {alert})");
            }
            Refusal::EndedAfterHandshake => {
                "it ended the connection right after the TLS handshake, as one does that rejects the \
                 name in our certificate"
            }
            Refusal::NoRequest => "it sent no request",
            Refusal::NotHttp => "it is not HTTP",
            Refusal::Protocol(protocol) => return protocol.fmt(f),
            Refusal::BodyDamaged(problem) => problem,
            Refusal::BodyNotHttp => "its body is not valid HTTP",
            Refusal::AmbiguousLength => "the end of its body is ambiguous",
            Refusal::MissingLength => "it has no Content-Length",
            Refusal::HeadTooLarge => "its head is too large",
            Refusal::BodyTooLarge => "its body is too large",
            Refusal::BodyFarTooLarge => "its body is far too large",
            Refusal::TooManyLargeBodies => "too many large bodies at once",
            Refusal::TooSlow => "its request took too long",
            Refusal::Incomplete => "it ended in the middle of a request",
            Refusal::Broken => "its connection failed in the middle of a request",
            Refusal::Unanswerable => "its connection failed while it was answered",
            Refusal::Rejected { reason, .. } => reason,
        })
    }
}

/// A request that a service rejects by its head, with the response to it.
#[derive(Debug)]
pub(crate) struct Rejection {
    /// The kind, by which a log limits its lines.
    pub kind: &'static str,
    /// The reason, for a log.
    pub reason: String,
    pub response: HttpResponse,
}

impl Rejection {
    /// The method is not served there; `allowed` lists those that are.
    pub(crate) fn method(head: &RequestHead, allowed: &'static str) -> Rejection {
        Rejection {
            kind: "methods that are not served",
            reason: format!("{} {} is not served", head.method, head.uri.path()),
            response: HttpResponse::method_not_allowed(allowed),
        }
    }
}
