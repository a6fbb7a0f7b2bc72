//! Alerts in a topic of Kafka: the share of a group's reader.

mod lag;
mod partitions;
mod reader;
mod share;
mod unread;

use std::sync::Arc;
use std::time::Duration;

use super::{Source, StartRequest};
use crate::config::Config;
use crate::delivery::Intake;
use crate::diagnose::Finding;
use crate::endpoint::{Endpoint, KafkaAddress, LogUse};
use crate::error::{Error, Result};
use crate::kafka_topic::{self, Options};
use crate::util::thread::{deliver_here, spawn_named};
use reader::TopicReader;

/// A topic to read, and how.
pub(crate) struct KafkaSource {
    endpoint: Endpoint,
    address: KafkaAddress,
    options: Options,
    /// How many bytes are read ahead.
    ahead: usize,
    /// The largest alert.
    most: usize,
    keep_trying: bool,
}

impl KafkaSource {
    /// # Errors
    ///
    /// [`Error::Endpoint`] for an address with something wrong in it.
    pub(crate) fn new(config: &Config) -> Result<KafkaSource> {
        let address = KafkaAddress::parse(&config.endpoint, LogUse::Read);
        let address =
            address.map_err(|problem| Error::endpoint("the address of the topic", problem))?;
        let endpoint = address.endpoint();
        Ok(KafkaSource {
            options: Options {
                connect_timeout: *config.connect_timeout,
                answer_timeout: *config.call_timeout,
            },
            ahead: *config.queue_bytes,
            most: config.message_limit(&endpoint),
            keep_trying: config.keep_trying,
            endpoint,
            address,
        })
    }
}

impl Source for KafkaSource {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn start(self: Arc<Self>, request: StartRequest) -> Result<()> {
        let intake = Intake::new(request.outlet, request.control)?;
        let endpoint = self.endpoint.clone();
        let reader = TopicReader::new(self, request.purpose, intake);
        let run = move || {
            deliver_here();
            reader.run();
        };
        spawn_named("falco-kafka", run)
            .map(drop)
            .map_err(|error| Error::no_thread(endpoint, "to read it", error))
    }

    /// Connects, logs in, and looks at the topic and its group.
    fn probe(&self, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        kafka_topic::probe(&self.address, &self.options, findings)
    }
}

/// How long a pause between two attempts is.
const PAUSE: Duration = Duration::from_secs(1);
