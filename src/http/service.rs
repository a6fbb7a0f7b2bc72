//! The service that answers requests.

use std::fmt;
use std::net::SocketAddr;

use super::message::{HttpRequest, HttpResponse, RequestHead};
use super::refusal::{Refusal, Rejection};

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
