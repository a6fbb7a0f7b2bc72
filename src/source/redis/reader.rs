//! Reads a stream: connects, reads, delivers, and acknowledges what was read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::backoff::Pauses;
use super::loss::GroupPlace;
use super::stream::{Fetched, RedisStream};
use super::unread::Unread;
use super::RedisSource;
use crate::delivery::{Intake, Message, Mode, State};
use crate::error::Error;
use crate::format::Format;
use crate::json::line_message;
use crate::redis_stream::{StreamEntry, StreamFailure};
use crate::source::Purpose;
use crate::util::rate_limited_log::RateLimitedLog;

/// How often what was read is acknowledged.
const ACKNOWLEDGE: Duration = Duration::from_secs(1);

pub(super) struct StreamReader {
    source: Arc<RedisSource>,
    purpose: Purpose,
    intake: Arc<Intake>,
    log: RateLimitedLog,
    consumer: String,
    unread: Unread,
    /// The ids of what was read from the stream and is not delivered yet.
    in_hand: VecDeque<String>,
    /// The last entry that was delivered: reading goes on after it.
    last_id: Option<String>,
    /// How far the group has read.
    place: GroupPlace,
    /// Without a group: how many entries the stream had up to there.
    count: Option<u64>,
    /// This connection works, and some connection has.
    works: bool,
    has_worked: bool,
    acknowledged: Instant,
    kept: Instant,
}

/// Why reading stops.
enum Stop {
    /// The reader has all, or wants no more.
    Done,
    Failed(StreamFailure),
}

impl From<StreamFailure> for Stop {
    fn from(failure: StreamFailure) -> Stop {
        Stop::Failed(failure)
    }
}

impl StreamReader {
    pub(super) fn new(
        source: Arc<RedisSource>,
        purpose: Purpose,
        intake: Arc<Intake>,
    ) -> StreamReader {
        let named = source.address.consumer.clone();
        let now = Instant::now();
        StreamReader {
            log: RateLimitedLog::new(module_path!(), source.endpoint.to_string()),
            consumer: named.unwrap_or_else(machine),
            source,
            purpose,
            intake,
            unread: Unread::default(),
            in_hand: VecDeque::new(),
            last_id: None,
            place: GroupPlace::default(),
            count: None,
            works: false,
            has_worked: false,
            acknowledged: now,
            kept: now,
        }
    }

    /// Reads until the end, over as many connections as it takes.
    pub(super) fn run(mut self) {
        let mut pauses = Pauses::new();
        loop {
            // One that is being closed tries once more to say what was read.
            let is_last = self.intake.mode() != Mode::Run;
            self.works = false;
            let failure = match self.read() {
                Stop::Done => return self.intake.end(None),
                Stop::Failed(failure) => failure,
            };
            if self.works {
                pauses.reset();
            }
            let error = failure.error(&self.source.endpoint);
            let ends = match self.purpose {
                Purpose::Get => true,
                Purpose::Subscribe if failure.passes || self.source.keep_trying => false,
                // What has worked may work again, as when a user is given its rights back.
                Purpose::Subscribe => !self.has_worked,
            };
            if ends {
                return self.intake.end(Some(error));
            }
            if is_last {
                log::warn!("{error}; what was not acknowledged comes again");
                return self.intake.end(None);
            }
            self.wait_out(&error, pauses.next());
        }
    }

    /// Reads over one connection.
    fn read(&mut self) -> Stop {
        let (source, consumer) = (self.source.clone(), self.consumer.clone());
        let opened = RedisStream::open(&source.address, &consumer, &source.options);
        let result = opened.map_err(Stop::from).and_then(|mut stream| {
            let read = match &source.address.group {
                Some(group) => self.read_group(&mut stream, group),
                None => self.read_all(&mut stream),
            };
            // What was read until now need not come again.
            match read {
                Err(Stop::Done) => self.acknowledge(&mut stream).map_err(Stop::from),
                read => read,
            }
        });
        result.err().unwrap_or(Stop::Done)
    }

    /// Reads the share of this reader in its group.
    fn read_group(&mut self, stream: &mut RedisStream<'_>, group: &str) -> Result<(), Stop> {
        let mut fresh = self.make_group(stream, group)?;
        self.acknowledge(stream)?;
        self.read_given(stream, group)?;
        self.set_working();
        let claim = self.source.address.claim;
        let mut taken_over = Instant::now().checked_sub(claim);
        loop {
            self.check_mode(stream)?;
            self.keep_up(stream, group)?;
            if taken_over.is_none_or(|last| last.elapsed() >= claim / 2) {
                self.take_over(stream, group)?;
                taken_over = Some(Instant::now());
            }
            let mut fetched = stream.read_group(group, &mut self.place)?;
            if std::mem::take(&mut fresh) {
                // What is gone was never the group's.
                fetched.lost = 0;
            }
            self.deliver_or_wait(stream, fetched)?;
        }
    }

    /// Reads everything.
    fn read_all(&mut self, stream: &mut RedisStream<'_>) -> Result<(), Stop> {
        let newest = stream.last_id()?;
        if self.last_id.is_none() && self.source.address.only_new {
            // What comes into a stream that is not there yet is new.
            self.last_id = newest;
        }
        self.set_working();
        loop {
            self.check_mode(stream)?;
            let last = self.last_id.clone().unwrap_or_else(|| "0-0".to_owned());
            let fetched = stream.read_after(&last, &mut self.count)?;
            let newest = fetched.last_id.as_deref().unwrap_or("0-0");
            if fetched.last_id.is_some() && !is_up_to(&last, newest) {
                self.lost(
                    1,
                    "the stream was deleted, and another is read from its beginning",
                );
                (self.last_id, self.count) = (None, None);
                continue;
            }
            self.deliver_or_wait(stream, fetched)?;
        }
    }

    /// Makes the group where it is missing. Returns whether it was.
    fn make_group(
        &mut self,
        stream: &mut RedisStream<'_>,
        group: &str,
    ) -> Result<bool, StreamFailure> {
        let from = match &self.last_id {
            // The stream may be another by now, whose ids begin anew.
            Some(last) => match stream.last_id()? {
                Some(newest) if is_up_to(last, &newest) => last.clone(),
                _ => "0".to_owned(),
            },
            None if self.source.address.only_new => "$".to_owned(),
            None => "0".to_owned(),
        };
        let made = stream.make_group(group, &from)?;
        if made {
            self.place = GroupPlace::default();
        }
        if made && self.last_id.is_some() {
            let problem =
                format!("the group or the stream was deleted, and is read on from {from}");
            self.lost(1, &problem);
        }
        Ok(made)
    }

    /// Reads what the group has given to a reader of this name before, and what the connection lost.
    fn read_given(&mut self, stream: &mut RedisStream<'_>, group: &str) -> Result<(), Stop> {
        let mut after = "0-0".to_owned();
        loop {
            let entries = stream.read_given(group, &after)?;
            let Some(last) = entries.last() else {
                return Ok(());
            };
            after.clone_from(&last.id);
            self.deliver_again(stream, entries)?;
        }
    }

    fn take_over(&mut self, stream: &mut RedisStream<'_>, group: &str) -> Result<(), Stop> {
        let mut cursor = "0-0".to_owned();
        loop {
            let (next, fetched) = stream.take_over(group, &cursor)?;
            self.lost(fetched.lost, "entries were deleted before they were read");
            let count = fetched.entries.len();
            if count > 0 {
                let endpoint = &self.source.endpoint;
                log::info!("{endpoint}: takes over {count} entries that no reader acknowledges");
            }
            self.deliver_again(stream, fetched.entries)?;
            if next == "0-0" {
                return Ok(());
            }
            cursor = next;
            self.check_mode(stream)?;
        }
    }

    /// Delivers what is not on its way to the reader already.
    fn deliver_again(
        &mut self,
        stream: &mut RedisStream<'_>,
        entries: Vec<StreamEntry>,
    ) -> Result<(), Stop> {
        if entries.is_empty() {
            return Ok(());
        }
        let known = self.unread.ids();
        let entries = entries.into_iter();
        let missing = entries.filter(|entry| !known.contains(&entry.id));
        self.deliver_all(stream, missing.collect())
    }

    fn deliver_all(
        &mut self,
        stream: &mut RedisStream<'_>,
        entries: Vec<StreamEntry>,
    ) -> Result<(), Stop> {
        self.in_hand = entries.iter().map(|entry| entry.id.clone()).collect();
        for entry in entries {
            self.in_hand.pop_front();
            let id = entry.id.clone();
            self.deliver(stream, entry)?;
            if self.last_id.as_ref().is_none_or(|last| is_up_to(last, &id)) {
                self.last_id = Some(id);
            }
        }
        Ok(())
    }

    /// Delivers what was read, or waits for more.
    fn deliver_or_wait(
        &mut self,
        stream: &mut RedisStream<'_>,
        fetched: Fetched,
    ) -> Result<(), Stop> {
        self.lost(
            fetched.lost,
            "entries were trimmed or deleted before they were read",
        );
        if fetched.entries.is_empty() {
            if self.purpose == Purpose::Get {
                self.intake.control().close();
                return Ok(());
            }
            self.acknowledge_if_due(stream)?;
            let newest = fetched.last_id.as_deref().unwrap_or("0-0");
            return Ok(stream.wait_after(newest)?);
        }
        self.deliver_all(stream, fetched.entries)
    }

    /// Delivers an entry, and waits until there is room for another.
    fn deliver(&mut self, stream: &mut RedisStream<'_>, entry: StreamEntry) -> Result<(), Stop> {
        let has_group = self.source.address.group.is_some();
        let item = match entry.fields {
            Some(fields) => self.message(StreamEntry::alert(fields)),
            None => {
                self.lost(1, "an entry was deleted before it was read");
                self.unread.add_empty(entry.id);
                return Ok(());
            }
        };
        let item = match item {
            Ok(bytes) => Ok(Message {
                bytes,
                format: Format::JsonLine,
                position: None,
                number: match has_group {
                    true => self.unread.add(entry.id),
                    false => 0,
                },
            }),
            Err(error) => {
                if has_group {
                    self.unread.add_empty(entry.id);
                }
                Err(Box::new(error))
            }
        };
        if self.intake.offer(item).map_err(|_| Stop::Done)? {
            return Ok(());
        }
        while !self.intake.wait_for_room(Some(ACKNOWLEDGE)) {
            self.acknowledge_if_due(stream)?;
            if let Some(group) = &self.source.clone().address.group {
                self.keep_up(stream, group)?;
            }
        }
        Ok(())
    }

    /// The alert of an entry.
    fn message(&self, alert: Option<Vec<u8>>) -> Result<Vec<u8>, Error> {
        let endpoint = self.source.endpoint.to_string();
        let alert = alert.unwrap_or_default();
        if alert.len() > self.source.most {
            self.intake.control().counters.refused();
            return Err(Error::TooLarge {
                endpoint,
                size: Some(alert.len() as u64),
                limit: Some(self.source.most as u64),
            });
        }
        line_message(alert.trim_ascii())
            .map_err(|problem| Error::not_json(endpoint, alert.into(), problem))
    }

    /// Acknowledges what was read, and once in a while shows that the rest is being read.
    fn keep_up(&mut self, stream: &mut RedisStream<'_>, group: &str) -> Result<(), StreamFailure> {
        self.acknowledge_if_due(stream)?;
        if self.kept.elapsed() >= self.source.address.claim / 3 {
            self.kept = Instant::now();
            let mut ids = self.unread.unread_ids();
            ids.extend(self.in_hand.iter().map(String::as_str));
            stream.keep(group, &ids)?;
        }
        Ok(())
    }

    fn acknowledge_if_due(&mut self, stream: &mut RedisStream<'_>) -> Result<(), StreamFailure> {
        match self.acknowledged.elapsed() >= ACKNOWLEDGE {
            true => self.acknowledge(stream),
            false => Ok(()),
        }
    }

    fn acknowledge(&mut self, stream: &mut RedisStream<'_>) -> Result<(), StreamFailure> {
        self.acknowledged = Instant::now();
        let read = self.intake.control().read_up_to();
        let ids = self.unread.read_up_to(read);
        match &self.source.address.group {
            Some(group) => stream.acknowledge(group, ids),
            None => Ok(()),
        }
    }

    /// Ends reading where that is wished, once the reader has read what is on its way to it.
    fn check_mode(&mut self, stream: &mut RedisStream<'_>) -> Result<(), Stop> {
        if self.intake.mode() == Mode::Run {
            return Ok(());
        }
        loop {
            self.acknowledge(stream)?;
            if self.intake.is_cut() || self.is_read() {
                return Err(Stop::Done);
            }
            let (intake, last) = (self.intake.clone(), self.unread.last());
            let done = || intake.is_cut() || intake.control().read_up_to() >= last;
            self.intake.wait_until(done, ACKNOWLEDGE);
        }
    }

    /// Whether the reader has asked for the alert after the last.
    fn is_read(&self) -> bool {
        self.intake.is_cut() || self.intake.control().read_up_to() >= self.unread.last()
    }

    fn lost(&self, entries: u64, problem: &str) {
        if entries > 0 {
            self.intake.control().counters.gap();
            let endpoint = &self.source.endpoint;
            let message = format_args!("{endpoint}: {problem} ({entries})");
            self.log.warn("entries that are lost", message);
        }
    }

    fn set_working(&mut self) {
        (self.works, self.has_worked) = (true, true);
        let control = self.intake.control();
        let before = control.state();
        if before == State::Following {
            return;
        }
        if matches!(before, State::Waiting { .. }) {
            control.counters.reconnected();
        }
        if control.set(State::Following) && before != State::Connecting {
            log::info!("{}: following again", self.source.endpoint);
        }
    }

    /// Says what happened, and waits before the next attempt.
    fn wait_out(&self, error: &Error, pause: Duration) {
        let now = SystemTime::now();
        let why = error.to_string();
        let state = State::Waiting {
            why: why.as_str().into(),
            since: now,
            next: now + pause,
        };
        if self.intake.control().set(state) {
            log::warn!("{why}; trying again");
        }
        let mode = self.intake.mode();
        let changed = || self.intake.control().mode() != mode;
        self.intake.wait_until(changed, pause);
    }
}

/// Whether an id is not after another.
fn is_up_to(id: &str, other: &str) -> bool {
    let numbers = |id: &str| {
        let (time, number) = id.split_once('-').unwrap_or((id, "0"));
        (time.parse::<u64>().ok(), number.parse::<u64>().ok())
    };
    numbers(id) <= numbers(other)
}

/// The name of this machine, or of its pod: one reader of a group has it.
fn machine() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    match name.is_empty() {
        true => "falco-client".to_owned(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_as_numbers() {
        assert!(is_up_to("9-1", "10-0") && is_up_to("10-9", "10-10") && is_up_to("1-1", "1-1"));
        assert!(!is_up_to("10-0", "9-99"));
    }
}
