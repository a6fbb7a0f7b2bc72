//! Reads a stream, and delivers what it reads.

mod acknowledge;
mod reconnect;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::loss::GroupPlace;
use super::stream::{Fetched, RedisStream};
use super::unread::Unread;
use super::RedisSource;
use crate::delivery::{Intake, Message};
use crate::error::Error;
use crate::format::Format;
use crate::json::line_message;
use crate::redis_stream::{StreamEntry, StreamFailure};
use crate::source::Purpose;
use crate::util::rate_limited_log::RateLimitedLog;
use acknowledge::ACKNOWLEDGE;

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
            let (next, taken_over) = stream.take_over(group, &cursor)?;
            // What this reader was given itself, and found deleted, is counted.
            let known = self.unread.ids();
            let deleted = taken_over.deleted.iter();
            let lost = deleted.filter(|id| !known.contains(*id)).count();
            self.lost(lost as u64, "entries were deleted before they were read");
            let count = taken_over.entries.len();
            if count > 0 {
                let endpoint = &self.source.endpoint;
                log::info!("{endpoint}: takes over {count} entries that no reader acknowledges");
            }
            self.deliver_again(stream, taken_over.entries)?;
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
        self.intake.control().counters.set_lag(fetched.unread);
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
                let unread = stream.unread(group)?;
                self.intake.control().counters.set_lag(unread);
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

    fn lost(&self, entries: u64, problem: &str) {
        if entries > 0 {
            self.intake.control().counters.gap();
            let endpoint = &self.source.endpoint;
            self.log.warn(
                "entries that are lost",
                format_args!("{endpoint}: {problem} ({entries})"),
            );
        }
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
