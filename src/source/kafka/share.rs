//! The share of a topic that one reader of a group has, while it is a member.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::partitions::Partitions;
use super::unread::UnreadMessages;
use crate::delivery::Intake;
use crate::endpoint::Endpoint;
use crate::kafka_topic::Heard;
use crate::util::lock::lock;
use crate::util::rate_limited_log::RateLimitedLog;

/// What the reader and the rebalances of its group share.
pub(super) struct TopicShare {
    pub heard: Heard,
    log: RateLimitedLog,
    endpoint: Endpoint,
    topic: String,
    intake: Arc<Intake>,
    pub unread: Arc<Mutex<UnreadMessages>>,
    pub partitions: Mutex<Partitions>,
    /// The group has given this reader its share, be it nothing.
    pub has_joined: AtomicBool,
    /// The lag was measured with the partitions that this reader has.
    pub is_measured: AtomicBool,
    /// What was read is committed already, as far as it can be.
    pub is_leaving: AtomicBool,
}

impl TopicShare {
    pub(super) fn new(
        endpoint: &Endpoint,
        topic: &str,
        intake: Arc<Intake>,
        unread: Arc<Mutex<UnreadMessages>>,
    ) -> TopicShare {
        TopicShare {
            heard: Heard::new(endpoint.to_string()),
            log: RateLimitedLog::new(module_path!(), endpoint.to_string()),
            endpoint: endpoint.clone(),
            topic: topic.to_owned(),
            intake,
            unread,
            partitions: Mutex::default(),
            has_joined: AtomicBool::new(false),
            is_measured: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
        }
    }

    /// Where reading goes on after what was read, as far as the brokers do not know it.
    fn to_commit(&self) -> KafkaResult<TopicPartitionList> {
        let read_up_to = self.intake.control().read_up_to();
        let mut list = TopicPartitionList::new();
        for (partition, offset) in lock(&self.unread).read_up_to(read_up_to) {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset))?;
        }
        Ok(list)
    }

    /// Tells the brokers what was read. Returns whether they know all of it already.
    pub(super) fn commit(
        &self,
        consumer: &BaseConsumer<TopicShare>,
        mode: CommitMode,
    ) -> KafkaResult<bool> {
        let list = self.to_commit()?;
        if list.count() == 0 {
            return Ok(true);
        }
        consumer.commit(&list, mode)?;
        if let CommitMode::Sync = mode {
            self.committed(&list);
        }
        Ok(false)
    }

    /// Whether the brokers know all that was read.
    pub(super) fn is_committed(&self) -> bool {
        let read_up_to = self.intake.control().read_up_to();
        lock(&self.unread).read_up_to(read_up_to).is_empty()
    }

    fn committed(&self, list: &TopicPartitionList) {
        let mut unread = lock(&self.unread);
        for it in list.elements() {
            if let (Offset::Offset(offset), Ok(())) = (it.offset(), it.error()) {
                unread.committed(it.partition(), offset);
            }
        }
    }

    fn count_partitions(&self) {
        let count = lock(&self.partitions).count();
        self.intake.control().counters.set_partitions(count);
        self.is_measured.store(false, Ordering::Release);
    }

    /// How many messages were delivered and are not read.
    pub(super) fn count_unread(&self) -> usize {
        let read_up_to = self.intake.control().read_up_to();
        lock(&self.unread).count_after(read_up_to)
    }

    pub(super) fn lost(&self, messages: u64, problem: &str) {
        if messages > 0 {
            self.intake.control().counters.gap();
            self.log.warn(
                "messages that are lost",
                format_args!("{}: {problem} ({messages})", self.endpoint),
            );
        }
    }
}

impl ClientContext for TopicShare {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.heard.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.error(error, reason);
    }
}

impl ConsumerContext for TopicShare {
    /// Before another reader gets a partition, what was read of it is committed.
    fn pre_rebalance(&self, consumer: &BaseConsumer<TopicShare>, rebalance: &Rebalance<'_>) {
        let numbers = |list: &TopicPartitionList| -> Vec<i32> {
            list.elements().iter().map(|it| it.partition()).collect()
        };
        match rebalance {
            Rebalance::Assign(given) => {
                let given = numbers(given);
                self.log.log(
                    log::Level::Info,
                    "rebalances",
                    format_args!("{}: reads the partitions {given:?}", self.endpoint),
                );
                lock(&self.partitions).assign(&given);
                self.intake.control().counters.rebalanced();
                self.count_partitions();
                self.has_joined.store(true, Ordering::Release);
            }
            Rebalance::Revoke(taken) => {
                let taken = numbers(taken);
                if !self.is_leaving.load(Ordering::Acquire) {
                    // Where it fails, others read it again.
                    let committed = match consumer.assignment_lost() {
                        true => Ok(true),
                        false => self.commit(consumer, CommitMode::Sync),
                    };
                    let is_told =
                        committed.map_or_else(|error| format!(" ({error})"), |_| String::new());
                    self.log.log(
                        log::Level::Info,
                        "rebalances",
                        format_args!(
                            "{}: the partitions {taken:?} are given away{is_told}",
                            self.endpoint
                        ),
                    );
                }
                lock(&self.unread).revoke(&taken);
                lock(&self.partitions).revoke(&taken);
                self.count_partitions();
            }
            Rebalance::Error(error) => {
                self.log.warn(
                    "failed rebalances",
                    format_args!("{}: the group is not shared: {error}", self.endpoint),
                );
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, list: &TopicPartitionList) {
        match result {
            Ok(()) => self.committed(list),
            // It is tried again.
            Err(error) => {
                self.log.log(
                    log::Level::Info,
                    "failed commits",
                    format_args!("{}: not committed: {error}", self.endpoint),
                );
            }
        }
    }
}
