//! A topic of Kafka as a sink: each alert is a message.

mod sender;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::target::{RunningSink, StartSink, Target};
use super::Sink;
use crate::diagnose::Finding;
use crate::endpoint::{KafkaAddress, LogUse, Place};
use crate::error::{Error, Result};
use crate::kafka_topic::{self, Options, TopicFailure};
use crate::relay::identity::SinkIdentity;
use crate::util::url::without_secrets;
use sender::TopicSender;

/// How long it may take to connect, and to answer.
const OPTIONS: Options = Options {
    connect_timeout: Duration::from_secs(5),
    answer_timeout: Duration::from_secs(5),
};

#[derive(Clone, Debug)]
pub(super) struct KafkaSink {
    address: Arc<KafkaAddress>,
}

impl KafkaSink {
    /// Of `kafka://…` or `kafkas://…`.
    pub(super) fn parse(text: &str) -> Result<KafkaSink> {
        let address = KafkaAddress::parse(text, LogUse::Write);
        let address = address.map_err(|problem| Error::endpoint(without_secrets(text), problem))?;
        Ok(KafkaSink {
            address: Arc::new(address),
        })
    }
}

/// The address without what is secret.
impl fmt::Display for KafkaSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.endpoint().fmt(f)
    }
}

impl Target for KafkaSink {
    fn identity(&self) -> SinkIdentity {
        // A topic is the same over TLS, and by another spelling and order of its brokers.
        let mut plain = KafkaAddress::clone(&self.address);
        plain.tls = false;
        for (host, _) in &mut plain.brokers {
            host.make_ascii_lowercase();
        }
        plain.brokers.sort();
        SinkIdentity::new(plain.endpoint().to_string())
    }

    fn place(&self) -> Place {
        self.address.endpoint().place()
    }

    fn may_have_tls(&self) -> bool {
        false
    }

    /// Connects, logs in, and looks for the topic.
    fn check(&self, _sink: &Sink, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        kafka_topic::probe(&self.address, &OPTIONS, findings)
    }

    fn start(&self, start: StartSink<'_>) -> Result<Arc<dyn RunningSink>> {
        let sender = TopicSender::new(self.address.clone(), start.labelled);
        // What is wrong here stays wrong.
        let refused = |failure: TopicFailure| failure.error(self);
        let sender = sender.map_err(refused)?;
        start.deliver(sender)
    }
}
