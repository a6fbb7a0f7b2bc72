//! What answers requests.

use std::fmt;
use std::net::SocketAddr;

use ureq_proto::http::header::{HeaderName, ALLOW};
use ureq_proto::http::request::Parts;
use ureq_proto::http::StatusCode;

use super::refusal::{Refusal, Rejection};

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

/// What a [`Listener`](super::Listener) serves, from many threads at once.
pub(crate) trait HttpService: Send + Sync + 'static {
    /// Decides by its head whether a request is read to its end. It is called for each request.
    fn check(&self, head: &RequestHead) -> Result<(), Rejection>;

    /// Whether a POST like this has to have a body.
    fn needs_body(&self, _: &RequestHead) -> bool {
        true
    }

    /// Answers a request. None closes the connection without a response.
    fn call(&self, request: HttpRequest) -> Option<HttpResponse>;

    /// Called with each connection and request that was refused.
    fn refused(&self, peer: SocketAddr, refusal: &Refusal);

    /// Called when the system lacks what a connection needs.
    fn failed(&self, problem: fmt::Arguments<'_>);
}
