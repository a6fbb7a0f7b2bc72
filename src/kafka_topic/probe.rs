//! Walks the way to a topic, step by step.

use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::failure::TopicFailure;
use super::heard::Heard;
use super::setup::{client_config, create, Options};
use crate::diagnose::{connect, Finding, Outcome, Step};
use crate::endpoint::KafkaAddress;
use crate::error::Problem;

/// How long one question to the brokers takes, at most.
const QUESTION: Duration = Duration::from_secs(1);

const REFUSED: Problem = Problem::fixed(
    "nothing listens there",
    "see whether the broker is running, and on this address (listeners in server.properties)",
);

/// Connects, logs in, and looks at the topic, and at the group where there is one. Nothing is read.
pub(crate) fn probe(
    address: &KafkaAddress,
    options: &Options,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let failed = |failure: TopicFailure| failure.finding;
    reach(address, options.connect_timeout, findings)?;
    let config = client_config(address, options).map_err(failed)?;
    let has_login = config.get("sasl.username").is_some();
    let group = address.group.as_deref().unwrap_or("falco-client-check");
    let defaults = [("group.id", group), ("enable.auto.commit", "false")];
    let context = Heard::new(address.endpoint().to_string());
    let consumer: BaseConsumer<Heard> =
        create(address, config, &defaults, context).map_err(failed)?;
    let deadline = Instant::now() + options.connect_timeout + options.answer_timeout;
    let partitions = loop {
        let found = find_topic(consumer.client(), &address.topic, QUESTION);
        // Its errors are heard there. No topic is subscribed to, so that it has no messages.
        while consumer.poll(Duration::ZERO).is_some() {}
        let failure = match (found, consumer.context().last()) {
            (Ok(partitions), _) => break partitions,
            (Err(_), Some(heard)) => heard,
            (Err(failure), None) => failure,
        };
        if !failure.passes || Instant::now() >= deadline {
            return Err(failure.finding);
        }
        if failure.finding.step == Step::Log {
            return Err(failure.finding);
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    if address.tls {
        let text = "the broker's certificate is valid for its name";
        findings.push(Finding::ok(Step::Tls, text));
    }
    if has_login {
        findings.push(match address.tls {
            true => Finding::ok(Step::Login, "the broker takes the user and the password"),
            false => {
                let problem = "the broker takes the user and the password, and anybody on the way can read them";
                Finding::warning(Step::Login, (problem, "write kafkas://, if it has TLS"))
            }
        });
    }
    let topic = &address.topic;
    let text = format!("the topic {topic} has {partitions} partitions");
    findings.push(Finding::ok(Step::Log, text));
    match &address.group {
        Some(group) => {
            let lag = lag(&consumer, topic, partitions, options.answer_timeout);
            let lag = lag.map_err(|error| TopicFailure::of(&error, "").finding)?;
            let text = match lag {
                Some(lag) => format!("the group {group} has {lag} alerts to read"),
                None => format!("the group {group} has read nothing yet"),
            };
            findings.push(Finding::ok(Step::Log, text));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Connects to the first broker that listens.
fn reach(
    address: &KafkaAddress,
    timeout: Duration,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let mut failures = Vec::new();
    for (host, port) in &address.brokers {
        match connect(host, *port, timeout, &REFUSED, findings) {
            Ok(_) => {
                findings.extend(failures);
                return Ok(());
            }
            Err(failure) => failures.push(Finding {
                outcome: Outcome::Warning,
                ..failure
            }),
        }
    }
    let last = failures.pop();
    findings.extend(failures);
    match last {
        Some(last) => Err(Finding {
            outcome: Outcome::Failed,
            ..last
        }),
        None => Ok(()),
    }
}

/// Asks the brokers for the topic. Returns its number of partitions.
pub(crate) fn find_topic<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> Result<i32, TopicFailure> {
    let failed = |error: KafkaError| TopicFailure::of(&error, "");
    let metadata = client
        .fetch_metadata(Some(topic), timeout)
        .map_err(failed)?;
    let found = metadata.topics().iter().find(|it| it.name() == topic);
    if let Some(error) = found.and_then(|it| it.error()) {
        return Err(failed(KafkaError::MetadataFetch(error.into())));
    }
    let partitions = found.map_or(0, |it| it.partitions().len());
    Ok(i32::try_from(partitions).unwrap_or(i32::MAX))
}

/// How many messages the group has not read. None where it has read none at all.
fn lag(
    consumer: &BaseConsumer<Heard>,
    topic: &str,
    partitions: i32,
    timeout: Duration,
) -> Result<Option<i64>, KafkaError> {
    let mut all = TopicPartitionList::new();
    all.add_partition_range(topic, 0, partitions.saturating_sub(1));
    let committed = consumer.committed_offsets(all, timeout)?;
    let (mut lag, mut has_read) = (0_i64, false);
    for partition in committed.elements() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.partition(), timeout)?;
        let next = match partition.offset() {
            Offset::Offset(offset) => {
                has_read = true;
                offset.max(low)
            }
            _ => low,
        };
        lag = lag.saturating_add(high.saturating_sub(next).max(0));
    }
    Ok(has_read.then_some(lag))
}
