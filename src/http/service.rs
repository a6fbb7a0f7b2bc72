//! What answers requests.

use std::net::SocketAddr;

use ureq_proto::http::{HeaderMap, Method, StatusCode};

/// A request with its whole body.
pub(crate) struct Request {
    #[cfg(feature = "relay")]
    pub path: String,
    pub body: Vec<u8>,
}

pub(crate) struct Answer {
    pub status: StatusCode,
    /// Of a method that is not served: the one that is.
    pub allow: Option<&'static str>,
    pub content_type: &'static str,
    pub body: String,
}

impl Answer {
    pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Answer {
        Answer {
            status,
            allow: None,
            content_type: "text/plain; charset=utf-8",
            body: body.into(),
        }
    }

    pub(crate) fn empty(status: StatusCode) -> Answer {
        Answer::text(status, "")
    }
}

pub(crate) trait Service: Send + Sync + 'static {
    /// The one method that is served.
    fn method(&self) -> Method;

    /// Answers a request. None closes the connection without an answer.
    fn call(&self, request: Request) -> Option<Answer>;

    /// A request was refused before it was whole.
    fn refused(&self, peer: SocketAddr, why: &str);
}

/// Whether a body follows a head, by its headers.
pub(super) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key("content-length") || headers.contains_key("transfer-encoding")
}
