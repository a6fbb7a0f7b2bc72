//! Alerts in a stream of Redis or Valkey: all of them, or the share of a group's reader.

mod backoff;
mod loss;
mod probe;
mod reader;
mod stream;
mod unread;

use std::sync::Arc;
use std::time::Duration;

use super::{Source, StartRequest};
use crate::config::Config;
use crate::delivery::Intake;
use crate::diagnose::Finding;
use crate::endpoint::{Endpoint, LogUse, RedisAddress};
use crate::error::{Error, Result};
use crate::redis_stream::ConnectOptions;
use crate::util::thread::{deliver_here, spawn_named};
use reader::StreamReader;

/// A stream to read, and how.
pub(crate) struct RedisSource {
    endpoint: Endpoint,
    address: RedisAddress,
    options: ConnectOptions,
    /// The largest alert.
    most: usize,
    keep_trying: bool,
}

impl RedisSource {
    /// # Errors
    ///
    /// [`Error::Endpoint`] for an address with something wrong in it.
    pub(crate) fn new(config: &Config) -> Result<RedisSource> {
        let address = RedisAddress::parse(&config.endpoint, LogUse::Read);
        let address =
            address.map_err(|problem| Error::endpoint("the address of the stream", problem))?;
        let endpoint = address.endpoint();
        Ok(RedisSource {
            options: connect_options(config, &endpoint),
            most: config.message_limit(&endpoint),
            keep_trying: config.keep_trying,
            endpoint,
            address,
        })
    }
}

/// How to connect to the stream, by the options of a client.
fn connect_options(config: &Config, endpoint: &Endpoint) -> ConnectOptions {
    let most = config.message_limit(endpoint);
    ConnectOptions {
        connect_timeout: *config.connect_timeout,
        // A blocking read is answered later than others.
        answer_timeout: *config.call_timeout + stream::BLOCK + Duration::from_secs(1),
        largest: stream::largest_answer(most),
    }
}

impl Source for RedisSource {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn start(self: Arc<Self>, request: StartRequest) -> Result<()> {
        let intake = Intake::new(request.outlet, request.control)?;
        let endpoint = self.endpoint.clone();
        let reader = StreamReader::new(self, request.purpose, intake);
        let run = move || {
            deliver_here();
            reader.run();
        };
        spawn_named("falco-redis", run)
            .map(drop)
            .map_err(|error| Error::no_thread(endpoint, "to read it", error))
    }

    fn probe(&self, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        probe::probe(&self.address, &self.options, findings)
    }
}
