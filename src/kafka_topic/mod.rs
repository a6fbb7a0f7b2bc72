//! What source, sink and check share of Kafka: how librdkafka is set up, and what its errors mean.

mod failure;
mod heard;
mod probe;
mod setup;

pub(crate) use failure::TopicFailure;
pub(crate) use heard::Heard;
pub(crate) use probe::{find_topic, probe};
pub(crate) use setup::{client_config, create, Options};
