//! A topic of Kafka.

use super::{Finding, Step};
use crate::config::Config;
use crate::endpoint::{KafkaAddress, LogUse};
use crate::kafka_topic;
use crate::source::kafka::options;

/// Connects, logs in, and looks at the topic and its group. No alert is read.
pub(super) fn probe(config: &Config, findings: &mut Vec<Finding>) -> Result<(), Finding> {
    let address = KafkaAddress::parse(&config.endpoint, LogUse::Read);
    let address = address.map_err(|problem| Finding::failed(Step::Endpoint, problem))?;
    kafka_topic::probe(&address, &options(config), findings)
}
