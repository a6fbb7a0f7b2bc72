//! Reads a topic as one reader of a group: delivers, and commits what was read.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::lag::Lag;
use super::partitions;
use super::share::TopicShare;
use super::unread::UnreadMessages;
use super::{KafkaSource, PAUSE};
use crate::delivery::{Intake, Message, Mode};
use crate::error::Error;
use crate::format::Format;
use crate::json::line_message;
use crate::kafka_topic::{client_config, create, find_topic, TopicFailure};
use crate::source::{reconnect, Purpose};
use crate::util::lock::lock;

/// How often what was read is committed.
const COMMIT: Duration = Duration::from_secs(1);

/// How long one look for messages takes.
const POLL: Duration = Duration::from_millis(200);

/// How long a question to the brokers takes, at most.
const QUESTION: Duration = Duration::from_secs(2);

pub(super) struct TopicReader {
    source: Arc<KafkaSource>,
    purpose: Purpose,
    intake: Arc<Intake>,
    unread: Arc<Mutex<UnreadMessages>>,
    lag: Lag,
    has_worked: bool,
}

/// A reader while it is a member of its group.
type Member = BaseConsumer<TopicShare>;

impl TopicReader {
    pub(super) fn new(
        source: Arc<KafkaSource>,
        purpose: Purpose,
        intake: Arc<Intake>,
    ) -> TopicReader {
        TopicReader {
            lag: Lag::new(source.address.only_new),
            source,
            purpose,
            intake,
            unread: Arc::default(),
            has_worked: false,
        }
    }

    /// Reads until the end. librdkafka connects again by itself; what it gives up is begun anew.
    pub(super) fn run(mut self) {
        loop {
            let read = self.join().and_then(|member| self.read(&member));
            let Err(failure) = read else {
                return self.intake.end(None);
            };
            lock(&self.unread).revoke_all();
            let error = failure.error(&self.source.endpoint);
            let passes = failure.passes || self.source.keep_trying;
            if reconnect::ends(self.purpose, passes, self.has_worked) {
                return self.intake.end(Some(error));
            }
            if self.intake.mode() != Mode::Run {
                log::warn!("{error}; what was not committed comes again");
                return self.intake.end(None);
            }
            let intake = self.intake.clone();
            reconnect::waiting(intake.control(), &error, PAUSE);
            intake.wait_until(|| intake.control().mode() != Mode::Run, PAUSE);
        }
    }

    fn join(&self) -> Result<Member, TopicFailure> {
        let address = &self.source.address;
        let config = client_config(address, &self.source.options)?;
        let ahead = (self.source.ahead / 1024).clamp(1, 2_097_151).to_string();
        let reset = match address.only_new {
            true => "latest",
            false => "earliest",
        };
        let gets = self.purpose == Purpose::Get;
        let defaults = [
            ("group.id", address.group.as_deref().unwrap_or_default()),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", if gets { "true" } else { "false" }),
            ("auto.offset.reset", reset),
            ("queued.max.messages.kbytes", &*ahead),
            ("fetch.queue.backoff.ms", "50"),
            // A reader that was killed is missed after this.
            ("session.timeout.ms", "10000"),
            // Who keeps a partition goes on reading it.
            ("partition.assignment.strategy", "cooperative-sticky"),
        ];
        let (intake, unread) = (self.intake.clone(), self.unread.clone());
        let share = TopicShare::new(&self.source.endpoint, &address.topic, intake, unread);
        let member: Member = create(address, config, &defaults, share)?;
        let subscribed = member.subscribe(&[&address.topic]);
        subscribed.map_err(|error| TopicFailure::of(&error, ""))?;
        Ok(member)
    }

    fn read(&mut self, member: &Member) -> Result<(), TopicFailure> {
        let share = member.context().clone();
        let mut committed = Instant::now();
        // When the brokers were asked for the topic last, as long as they are not known to answer.
        let mut doubt = Some(None::<Instant>);
        loop {
            if self.purpose == Purpose::Get && self.has_all(&share) {
                self.intake.control().close();
            }
            if self.intake.mode() != Mode::Run {
                self.finish(member);
                return Ok(());
            }
            if committed.elapsed() >= COMMIT {
                committed = Instant::now();
                self.commit(member);
            }
            match member.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    let goes_on = self.deliver(member, &message);
                    if !goes_on {
                        self.finish(member);
                        return Ok(());
                    }
                }
                Some(Err(error)) => {
                    let is_doubtful = self.is_doubtful(&share, &error)?;
                    if is_doubtful && doubt.is_none() {
                        doubt = Some(None);
                    }
                }
            }
            // Only now, as a failure is heard while messages are looked for.
            if let Some(asked) = doubt {
                if asked.is_none_or(|at| at.elapsed() >= PAUSE) {
                    doubt = match self.ask(member)? {
                        true => None,
                        false => Some(Some(Instant::now())),
                    };
                }
            } else if share.has_joined.load(Ordering::Acquire) {
                reconnect::following(self.intake.control());
                self.measure_lag(member);
            }
        }
    }

    /// Whether all that was there has been delivered.
    fn has_all(&self, share: &TopicShare) -> bool {
        share.has_joined.load(Ordering::Acquire) && lock(&share.partitions).are_at_end()
    }

    /// Asks for the topic. Returns whether the brokers have it.
    fn ask(&mut self, member: &Member) -> Result<bool, TopicFailure> {
        let share = member.context();
        let timeout = match self.purpose {
            Purpose::Get => self.source.options.answer_timeout,
            Purpose::Subscribe => QUESTION,
        };
        let found = find_topic(member.client(), &self.source.address.topic, timeout);
        let failure = match found {
            Ok(_) => {
                self.has_worked = true;
                share.heard.forget();
                return Ok(true);
            }
            // What stopped the question is heard.
            Err(failure) => match share.heard.last() {
                Some(heard) if failure.passes && heard.finding.step <= failure.finding.step => {
                    heard
                }
                _ => failure,
            },
        };
        if self.purpose == Purpose::Get || !failure.passes {
            return Err(failure);
        }
        let error = failure.error(&self.source.endpoint);
        reconnect::waiting(self.intake.control(), &error, PAUSE);
        Ok(false)
    }

    /// Whether an error makes it doubtful that the topic is served.
    fn is_doubtful(&self, share: &TopicShare, error: &KafkaError) -> Result<bool, TopicFailure> {
        if let KafkaError::PartitionEOF(partition) = error {
            lock(&share.partitions).at_end(*partition);
            return Ok(false);
        }
        if let KafkaError::MessageConsumptionFatal(_) = error {
            return Err(TopicFailure::of(error, ""));
        }
        match error.rdkafka_error_code() {
            // It joins its group again.
            Some(RDKafkaErrorCode::PollExceeded) => Ok(false),
            // What comes after it must not hide it.
            Some(
                RDKafkaErrorCode::NotImplemented
                | RDKafkaErrorCode::BadCompression
                | RDKafkaErrorCode::BadMessage
                | RDKafkaErrorCode::InvalidMessage,
            ) => Err(TopicFailure::of(error, "")),
            _ => match share.heard.last().filter(|heard| !heard.passes) {
                Some(heard) => Err(heard),
                None => Ok(true),
            },
        }
    }

    /// Delivers a message, and waits until there is room for another. Returns whether reading goes on.
    fn deliver(&mut self, member: &Member, message: &BorrowedMessage<'_>) -> bool {
        match self.offer(member, message) {
            None => false,
            Some(true) => true,
            Some(false) => self.intake.wait_for_room(Some(COMMIT)) || self.hold(member),
        }
    }

    fn measure_lag(&mut self, member: &Member) {
        if let Some(lag) = self.lag.measure(member) {
            self.intake.control().counters.set_lag(lag);
        }
    }

    /// Takes no more until there is room, and stays in the group.
    fn hold(&mut self, member: &Member) -> bool {
        let mut goes_on = true;
        while goes_on && !self.intake.wait_for_room(Some(COMMIT)) {
            self.commit(member);
            self.measure_lag(member);
            // A partition that was given meanwhile is not read yet, either.
            let _ = member.assignment().and_then(|all| member.pause(&all));
            if let Some(Ok(message)) = member.poll(Duration::ZERO) {
                goes_on = self.offer(member, &message).is_some();
            }
        }
        let _ = member.assignment().and_then(|all| member.resume(&all));
        goes_on
    }

    /// Hands on a message. Returns whether there is room for another; None where nothing more is taken.
    fn offer(&self, member: &Member, message: &BorrowedMessage<'_>) -> Option<bool> {
        let (partition, offset) = (message.partition(), message.offset());
        self.compare(member, partition, offset);
        let item = match self.alert(message.payload().unwrap_or_default()) {
            Ok(bytes) => Ok(Message {
                bytes,
                format: Format::JsonLine,
                position: None,
                number: lock(&self.unread).add(partition, offset),
            }),
            Err(error) => {
                lock(&self.unread).add_empty(partition, offset);
                Err(Box::new(error))
            }
        };
        self.intake.offer(item).ok()
    }

    /// Finds what is lost before a message.
    fn compare(&self, member: &Member, partition: i32, offset: i64) {
        let share = member.context();
        let known = lock(&share.partitions).expected(partition);
        let expected = known.or_else(|| self.committed(member, partition));
        lock(&share.partitions).advance(partition, offset);
        let Some(expected) = expected.filter(|expected| *expected != offset) else {
            return;
        };
        if offset < expected {
            share.lost(1, "the topic was made anew, and is read from its beginning");
            return;
        }
        let topic = &self.source.address.topic;
        if let Ok((low, _)) = member.fetch_watermarks(topic, partition, QUESTION) {
            let lost = partitions::lost(expected, offset, low);
            share.lost(lost, "messages were deleted before they were read");
        }
    }

    /// Where the group was in a partition.
    fn committed(&self, member: &Member, partition: i32) -> Option<i64> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.source.address.topic, partition);
        let committed = member.committed_offsets(list, QUESTION).ok()?;
        match committed.elements().first()?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// The alert of a message.
    fn alert(&self, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let endpoint = self.source.endpoint.to_string();
        if payload.len() > self.source.most {
            self.intake.control().counters.refused();
            return Err(Error::TooLarge {
                endpoint,
                size: Some(payload.len() as u64),
                limit: Some(self.source.most as u64),
            });
        }
        line_message(payload.trim_ascii())
            .map_err(|problem| Error::not_json(endpoint, payload.into(), problem))
    }

    /// Lets the brokers know what was read, without waiting for them.
    fn commit(&self, member: &Member) {
        // It is tried again, and what is wrong is heard.
        let _ = member.context().commit(member, CommitMode::Async);
    }

    /// Ends reading, once the reader has read what is on its way to it and the brokers know that.
    fn finish(&self, member: &Member) {
        let share = member.context();
        let deadline = || Instant::now() + self.source.options.answer_timeout;
        let (mut until, mut was_read, mut told) = (deadline(), false, None::<Instant>);
        loop {
            let last = lock(&self.unread).last();
            let (intake, control) = (&self.intake, self.intake.control());
            let has_read = || intake.is_cut() || control.handled_up_to() >= last;
            let is_read = has_read();
            if is_read && !was_read {
                (until, was_read, told) = (deadline(), true, None);
            }
            let knows = match told.is_none_or(|at| at.elapsed() >= COMMIT) {
                true => {
                    told = Some(Instant::now());
                    share.commit(member, CommitMode::Async).unwrap_or(false)
                }
                false => share.is_committed(),
            };
            if is_read && knows {
                break;
            }
            if is_read && Instant::now() >= until {
                let endpoint = &self.source.endpoint;
                log::warn!("{endpoint}: what was not committed comes again");
                break;
            }
            // What is not delivered is not committed, and comes again.
            let _ = member.assignment().and_then(|all| member.pause(&all));
            while member.poll(Duration::from_millis(20)).is_some() {}
            if !is_read {
                intake.wait_until(has_read, COMMIT);
            }
        }
        share.is_leaving.store(true, Ordering::Release);
    }
}
