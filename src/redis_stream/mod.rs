//! What source, sink and check share of Redis Streams: the connection, and what a refusal means.

mod connection;
mod failure;
mod reply;

pub(crate) use connection::{ConnectOptions, RedisConnection};
pub(crate) use failure::StreamFailure;
#[cfg(feature = "relay")]
pub(crate) use reply::FIELD;
pub(crate) use reply::{field_of, items, text_of, StreamEntry};

use redis::Cmd;

/// A command with its arguments.
pub(crate) fn command(name: &str, arguments: &[&str]) -> Cmd {
    let mut command = redis::cmd(name);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}
