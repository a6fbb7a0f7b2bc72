//! A small HTTP/1.1 server: a thread for each connection with a request, which may wait inside the service that answers,
//! and one for all whose peer is silent.
//! Bounded are the size of a request, the time that it takes, and the number of connections.
//!
//! It knows nothing of alerts: [`Listener`] serves any [`HttpService`].

mod body;
mod budget;
mod buffer;
mod connection;
mod connections;
mod encoding;
mod exchange;
mod framing;
mod idle;
mod listener;
mod message;
mod protocol;
mod refusal;
mod response;
mod service;
mod shutdown;
mod stream;
#[cfg(test)]
mod tests;
mod workers;

pub(crate) use listener::{ListenOptions, Listener};
pub(crate) use message::{HttpRequest, HttpResponse, RequestHead};
pub(crate) use protocol::Protocol;
pub(crate) use refusal::{Refusal, Rejection};
pub(crate) use service::HttpService;
pub(crate) use shutdown::{Shutdown, ShutdownSignal};
