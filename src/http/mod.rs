//! HTTP, served on threads: one for each connection, as each Falco keeps one and waits on it for an
//! answer. What is read is bounded in size and in time, and so is the number of connections.

mod accept;
mod budget;
mod buffer;
mod connections;
mod exchange;
mod service;
mod stream;

pub(crate) use accept::{Listener, Serve, Wishes};
pub(crate) use service::{Answer, Request, Service};
