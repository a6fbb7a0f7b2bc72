//! Sends batches to a topic, and waits for what becomes of each message.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::ClientContext;

use super::OPTIONS;
use crate::alert::Alert;
use crate::diagnose::Step;
use crate::endpoint::KafkaAddress;
use crate::error::Error;
use crate::kafka_topic::{client_config, create, find_topic, Heard, TopicFailure};
use crate::relay::deliver::{Deliver, Delivery, Failure, Reason, RefusedAlert};
use crate::relay::label;
use crate::relay::spool::Entry;
use crate::util::lock::lock;

/// How long nothing of a batch is confirmed before the sink counts as failing. What is on its way stays
/// there: librdkafka goes on trying, so that nothing is sent twice.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two looks for what was confirmed: at first, and once it takes long. The producer's own
/// waiting would keep the processor busy for the last millisecond.
const PAUSES: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(20));

type Producer = BaseProducer<Outcomes>;

/// What has become of a message.
#[derive(Clone, Debug)]
enum MessageOutcome {
    Sent,
    Taken,
    Failed(KafkaError),
}

/// What has become of each message, by the number of its alert in the spool.
struct Outcomes {
    heard: Heard,
    by_number: Mutex<BTreeMap<u64, MessageOutcome>>,
}

impl ClientContext for Outcomes {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.heard.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.error(error, reason);
    }
}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let outcome = match result {
            Ok(_) => {
                self.heard.forget();
                MessageOutcome::Taken
            }
            Err((error, _)) => MessageOutcome::Failed(error.clone()),
        };
        if let Some(place) = lock(&self.by_number).get_mut(&(number as u64)) {
            *place = outcome;
        }
    }
}

pub(super) struct TopicSender {
    address: Arc<KafkaAddress>,
    producer: Option<Producer>,
    labelled: bool,
}

impl TopicSender {
    /// # Errors
    ///
    /// Where librdkafka refuses the options.
    pub(super) fn new(
        address: Arc<KafkaAddress>,
        labelled: bool,
    ) -> Result<TopicSender, TopicFailure> {
        Ok(TopicSender {
            producer: Some(producer(&address)?),
            address,
            labelled,
        })
    }

    /// Sends what is not on its way yet. Returns what is no alert.
    fn send_all(&self, producer: &Producer, batch: &[Entry]) -> Vec<RefusedAlert> {
        let mut refused = Vec::new();
        let outcomes = &producer.context().by_number;
        for entry in batch {
            if lock(outcomes).contains_key(&entry.number) {
                continue;
            }
            match self.send(producer, entry) {
                Ok(true) => {}
                // The others are tried after those that are on their way.
                Ok(false) => break,
                Err(error) => refused.push(RefusedAlert {
                    number: entry.number,
                    reason: Reason::NoAlert(error),
                }),
            }
        }
        refused
    }

    /// Sends an alert. Returns whether there was room for it.
    ///
    /// # Errors
    ///
    /// For a message that is no alert.
    fn send(&self, producer: &Producer, entry: &Entry) -> Result<bool, Error> {
        let alert = Alert::read(entry.bytes.to_vec(), entry.format)?;
        let line = alert.falco_json().to_string();
        let line = match self.labelled {
            true => label::line(&line, &entry.source).into_owned(),
            false => line,
        };
        let priority = alert.priority().to_string();
        let header = |key, value| Header {
            key,
            value: Some(value),
        };
        let headers = OwnedHeaders::new()
            .insert(header("rule", alert.rule()))
            .insert(header("priority", &priority))
            .insert(header("source", alert.source()));
        // A number of this machine's size: it counts up from 1.
        let number = usize::try_from(entry.number).unwrap_or(usize::MAX);
        let mut record = BaseRecord::with_opaque_to(&self.address.topic, number)
            .payload(&line)
            .headers(headers);
        // By it the alerts of a node stay in order.
        let host = alert.hostname();
        if !host.is_empty() {
            record = record.key(host);
        }
        let outcomes = &producer.context().by_number;
        lock(outcomes).insert(entry.number, MessageOutcome::Sent);
        if let Err((error, _)) = producer.send(record) {
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) {
                lock(outcomes).remove(&entry.number);
                return Ok(false);
            }
            lock(outcomes).insert(entry.number, MessageOutcome::Failed(error));
        }
        Ok(true)
    }

    /// Waits until each message of a batch is taken or has failed, or nothing is heard for long.
    fn wait_for(&self, producer: &Producer, batch: &[Entry]) {
        let outcomes = &producer.context().by_number;
        let open = || {
            let outcomes = lock(outcomes);
            let is_open =
                |entry: &&Entry| matches!(outcomes.get(&entry.number), Some(MessageOutcome::Sent));
            batch.iter().filter(is_open).count()
        };
        let (mut before, mut heard) = (open(), Instant::now());
        while before > 0 && heard.elapsed() < PATIENCE {
            let lasts = producer.context().heard.last().is_some_and(|it| !it.passes);
            if lasts {
                return;
            }
            producer.poll(Duration::ZERO);
            let now = open();
            if now < before {
                (before, heard) = (now, Instant::now());
                continue;
            }
            std::thread::sleep(match heard.elapsed() < PAUSES.1 {
                true => PAUSES.0,
                false => PAUSES.1,
            });
        }
    }

    /// Sends those alone that were refused together as too large.
    fn send_alone(&self, producer: &Producer, batch: &[Entry]) {
        let outcomes = &producer.context().by_number;
        let is_large = |entry: &&Entry| match lock(outcomes).get(&entry.number) {
            Some(MessageOutcome::Failed(error)) => is_too_large(error),
            _ => false,
        };
        let large: Vec<_> = batch.iter().filter(is_large).collect();
        if large.len() < 2 {
            return;
        }
        for entry in large {
            // It is an alert, as it was sent before.
            let _ = self.send(producer, entry);
            self.wait_for(producer, std::slice::from_ref(entry));
        }
    }

    /// Why nothing is confirmed.
    fn failure(&self, producer: &Producer) -> TopicFailure {
        if let Some(heard) = producer.context().heard.last() {
            return heard;
        }
        let timeout = Duration::from_secs(2);
        match find_topic(producer.client(), &self.address.topic, timeout) {
            Err(failure) => failure,
            Ok(_) => TopicFailure::silent(),
        }
    }

    fn outcome(
        &self,
        producer: &Producer,
        batch: &[Entry],
        mut refused: Vec<RefusedAlert>,
    ) -> Result<Delivery, TopicFailure> {
        let (mut handled, mut failure) = (0, None);
        for entry in batch {
            let outcome = lock(&producer.context().by_number)
                .get(&entry.number)
                .cloned();
            match outcome {
                Some(MessageOutcome::Taken) => {}
                Some(MessageOutcome::Failed(error)) if is_too_large(&error) => {
                    refused.push(RefusedAlert {
                        number: entry.number,
                        reason: Reason::Answer {
                            status: TopicFailure::of(&error, "").finding.found,
                            excerpt: String::new(),
                        },
                    })
                }
                Some(MessageOutcome::Failed(error)) => {
                    failure = Some(TopicFailure::of(&error, ""));
                    break;
                }
                Some(MessageOutcome::Sent) => break,
                None if refused.iter().any(|alert| alert.number == entry.number) => {}
                // There was no room for it.
                None => break,
            }
            handled += 1;
        }
        let (done, rest) = batch.split_at(handled);
        let mut outcomes = lock(&producer.context().by_number);
        for entry in done {
            outcomes.remove(&entry.number);
        }
        // What has failed is sent again, and what is taken or on its way is not.
        for entry in rest {
            if let Some(MessageOutcome::Failed(_)) = outcomes.get(&entry.number) {
                outcomes.remove(&entry.number);
            }
        }
        drop(outcomes);
        if handled == 0 {
            return Err(failure.unwrap_or_else(|| self.failure(producer)));
        }
        refused.retain(|alert| done.iter().any(|entry| entry.number == alert.number));
        refused.sort_by_key(|alert| alert.number);
        Ok(Delivery { handled, refused })
    }
}

impl Deliver for TopicSender {
    fn batch_size(&self) -> usize {
        256
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        let failed = |failure: TopicFailure| Failure::new(failure.finding.to_string());
        let producer = match self.producer.take() {
            Some(producer) => producer,
            None => producer(&self.address).map_err(failed)?,
        };
        if let Some(first) = batch.iter().map(|entry| entry.number).min() {
            lock(&producer.context().by_number).retain(|number, _| *number >= first);
        }
        let refused = self.send_all(&producer, batch);
        self.wait_for(&producer, batch);
        self.send_alone(&producer, batch);
        let delivery = self.outcome(&producer, batch, refused);
        // Some errors last until there is another producer, which also reads the files anew.
        let is_spent = producer.client().fatal_error().is_some()
            || matches!(&delivery, Err(failure) if !failure.passes && failure.finding.step != Step::Log);
        if !is_spent {
            self.producer = Some(producer);
        }
        delivery.map_err(failed)
    }
}

fn producer(address: &KafkaAddress) -> Result<Producer, TopicFailure> {
    let defaults = [
        // With it come acks=all, and the order of messages when some are sent again.
        ("enable.idempotence", "true"),
        // It goes on trying, as an alert that is given up here would be sent again.
        ("message.timeout.ms", "0"),
        ("compression.type", "lz4"),
        ("linger.ms", "1"),
        // As other producers do it: the same node is in the same partition.
        ("partitioner", "murmur2_random"),
    ];
    let context = Outcomes {
        heard: Heard::new(address.endpoint().to_string()),
        by_number: Mutex::default(),
    };
    create(
        address,
        client_config(address, &OPTIONS)?,
        &defaults,
        context,
    )
}

fn is_too_large(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{InvalidMessageSize, MessageSizeTooLarge};
    matches!(
        error.rdkafka_error_code(),
        Some(MessageSizeTooLarge | InvalidMessageSize)
    )
}
