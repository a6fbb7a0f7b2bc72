//! Requests and responses.

use ureq_proto::http::header::{HeaderName, ALLOW};
use ureq_proto::http::request::Parts;
use ureq_proto::http::StatusCode;

/// Method, path and headers of a request.
pub(crate) type RequestHead = Parts;

/// A request with its whole body.
pub(crate) struct HttpRequest {
    pub head: RequestHead,
    pub body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub status: StatusCode,
    /// Of the body, if there is one.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(HeaderName, &'static str)>,
    pub body: String,
    /// It answers what only a genuine client sends, whose connection is kept before those of others.
    pub proves_peer: bool,
}

impl HttpResponse {
    pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> HttpResponse {
        HttpResponse {
            status,
            content_type: "text/plain; charset=utf-8",
            headers: Vec::new(),
            body: body.into(),
            proves_peer: false,
        }
    }

    pub(crate) fn empty(status: StatusCode) -> HttpResponse {
        HttpResponse::text(status, "")
    }

    /// With the methods that are allowed, as in `GET, HEAD`.
    pub(super) fn method_not_allowed(allowed: &'static str) -> HttpResponse {
        let text = format!("only {allowed} is served here\n");
        HttpResponse {
            headers: vec![(ALLOW, allowed)],
            ..HttpResponse::text(StatusCode::METHOD_NOT_ALLOWED, text)
        }
    }
}
