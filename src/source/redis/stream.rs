//! The commands by which a stream is read.

use std::time::Duration;

use redis::{Cmd, Value};

use super::loss::{unread, Extent, GroupPlace};
use crate::endpoint::RedisAddress;
use crate::redis_stream::{
    command, field_of, items, text_of, ConnectOptions, RedisConnection, StreamEntry, StreamFailure,
};

/// How long the server waits for an entry before it answers that there is none.
pub(super) const BLOCK: Duration = Duration::from_millis(250);

/// How many entries are read at once, at most.
const BATCH: usize = 512;

/// How many bytes are read at once, about.
const BATCH_BYTES: usize = 4 << 20;

/// How many entries are acknowledged or kept with one command.
const IDS: usize = 1000;

/// The largest answer, where an alert has at most `most` bytes: a batch, with the entries around it.
pub(super) fn largest_answer(most: usize) -> u64 {
    (most as u64).saturating_mul(4).max(64 << 20)
}

/// A stream over a connection.
pub(super) struct RedisStream<'a> {
    connection: RedisConnection,
    address: &'a RedisAddress,
    /// The reader's name in the group.
    consumer: &'a str,
    /// How many entries are read at once.
    batch: usize,
}

/// What was read, and how many entries were gone before.
#[derive(Default)]
pub(super) struct Fetched {
    pub entries: Vec<StreamEntry>,
    pub lost: u64,
    /// How many entries are not read yet, these included.
    pub unread: Option<u64>,
    /// The last id that the stream has given out.
    pub last_id: Option<String>,
}

/// What the group had given to a reader that shows no sign of life.
pub(super) struct TakenOver {
    pub entries: Vec<StreamEntry>,
    /// The ids of what is deleted.
    pub deleted: Vec<String>,
}

impl<'a> RedisStream<'a> {
    pub(super) fn open(
        address: &'a RedisAddress,
        consumer: &'a str,
        options: &ConnectOptions,
    ) -> Result<RedisStream<'a>, StreamFailure> {
        Ok(RedisStream {
            connection: RedisConnection::open(address, options, &mut Vec::new())?,
            address,
            consumer,
            batch: 16,
        })
    }

    /// Makes the group, and the stream where there is none. Returns whether they were missing.
    pub(super) fn make_group(&mut self, group: &str, from: &str) -> Result<bool, StreamFailure> {
        let stream = &self.address.stream;
        let create = command("XGROUP", &["CREATE", stream, group, from, "MKSTREAM"]);
        match self.connection.call(&create) {
            Ok(_) => Ok(true),
            Err(failure) if failure.is("BUSYGROUP") => Ok(false),
            // It may be there all the same, made by somebody who is allowed to.
            Err(failure) if failure.is("NOPERM") => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The last id that the stream has given out; None where there is no stream.
    pub(super) fn last_id(&mut self) -> Result<Option<String>, StreamFailure> {
        let info = command("XINFO", &["STREAM", &self.address.stream]);
        match self.connection.call(&info) {
            Ok(info) => Ok(field_of(&info, "last-generated-id")),
            Err(failure) if failure.is_gone => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads on in the group.
    pub(super) fn read_group(
        &mut self,
        group: &str,
        place: &mut GroupPlace,
    ) -> Result<Fetched, StreamFailure> {
        let read = self.group_command(group, ">");
        let commands = [
            command("XINFO", &["STREAM", &self.address.stream]),
            command("XINFO", &["GROUPS", &self.address.stream]),
            read,
        ];
        // Nothing can be trimmed between the three.
        let answers = self.connection.transaction(&commands)?;
        let [stream, groups, read] = three(answers);
        let mut fetched = self.fetched(&stream, 0, read);
        fetched.lost = place.advance(&stream, &groups, group, &fetched.entries);
        fetched.unread = unread(&groups, group);
        Ok(fetched)
    }

    /// How many entries the group has not read.
    pub(super) fn unread(&mut self, group: &str) -> Result<Option<u64>, StreamFailure> {
        let groups = command("XINFO", &["GROUPS", &self.address.stream]);
        Ok(unread(&self.connection.call(&groups)?, group))
    }

    /// Reads on after `id`, without a group. `read` counts the entries up to there.
    pub(super) fn read_after(
        &mut self,
        id: &str,
        read: &mut Option<u64>,
    ) -> Result<Fetched, StreamFailure> {
        let stream = &self.address.stream;
        let count = self.batch.to_string();
        let commands = [
            command("XINFO", &["STREAM", stream]),
            command("XREAD", &["COUNT", &count, "STREAMS", stream, id]),
        ];
        let answers = match self.connection.transaction(&commands) {
            // It may come.
            Err(failure) if failure.is_gone => return Ok(Fetched::default()),
            answers => answers?,
        };
        let [info, entries, _] = three(answers);
        let extent = Extent::of(&info);
        let lost = match (extent, *read) {
            (Some(extent), Some(read)) => extent.lost_after(read),
            _ => 0,
        };
        let mut fetched = self.fetched(&info, lost, entries);
        let more = fetched.entries.len() as u64;
        *read = extent.map(|extent| match *read {
            Some(read) => read.max(extent.gone) + more,
            // What was gone before the first look is nobody's loss.
            None if id == "0-0" => extent.gone + more,
            // What comes after the id has just come.
            None => extent.added,
        });
        if let (Some(extent), Some(read)) = (extent, *read) {
            fetched.unread = Some(extent.added.saturating_sub(read) + more);
        }
        Ok(fetched)
    }

    /// Waits until the stream has an entry after this one, or for a moment.
    pub(super) fn wait_after(&mut self, id: &str) -> Result<(), StreamFailure> {
        let block = BLOCK.as_millis().to_string();
        let arguments = [
            "COUNT",
            "1",
            "BLOCK",
            &block,
            "STREAMS",
            &self.address.stream,
            id,
        ];
        self.connection
            .call(&command("XREAD", &arguments))
            .map(drop)
    }

    /// Reads what the group has given to this reader after `id`, and what it has not acknowledged.
    pub(super) fn read_given(
        &mut self,
        group: &str,
        id: &str,
    ) -> Result<Vec<StreamEntry>, StreamFailure> {
        let read = self.group_command(group, id);
        let answer = self.connection.call(&read)?;
        let entries = StreamEntry::of_read(answer);
        self.adapt(&entries);
        Ok(entries)
    }

    /// Takes over what the group has given to a reader that shows no sign of life, from `cursor` on.
    /// Returns where to go on.
    pub(super) fn take_over(
        &mut self,
        group: &str,
        cursor: &str,
    ) -> Result<(String, TakenOver), StreamFailure> {
        let idle = self.address.claim.as_millis().to_string();
        let count = self.batch.to_string();
        let stream = &self.address.stream;
        let arguments = [stream, group, self.consumer, &idle, cursor, "COUNT", &count];
        let answer = self.connection.call(&command("XAUTOCLAIM", &arguments))?;
        let [cursor, entries, deleted] = three(items(answer));
        let taken_over = TakenOver {
            entries: StreamEntry::all(entries),
            deleted: items(deleted).iter().filter_map(text_of).collect(),
        };
        self.adapt(&taken_over.entries);
        let cursor = text_of(&cursor).unwrap_or_else(|| "0-0".to_owned());
        Ok((cursor, taken_over))
    }

    /// Acknowledges these entries, and forgets them.
    pub(super) fn acknowledge(
        &mut self,
        group: &str,
        ids: &mut Vec<String>,
    ) -> Result<(), StreamFailure> {
        while !ids.is_empty() {
            let some = ids.get(..IDS).unwrap_or(ids);
            let mut command = command("XACK", &[&self.address.stream, group]);
            command.arg(some);
            self.connection.call(&command)?;
            ids.drain(..some.len());
        }
        Ok(())
    }

    /// Shows that these entries are still being read, so that nobody takes them over.
    pub(super) fn keep(&mut self, group: &str, ids: &[&str]) -> Result<(), StreamFailure> {
        for some in ids.chunks(IDS) {
            let mut keep = command("XCLAIM", &[&self.address.stream, group, self.consumer, "0"]);
            keep.arg(some).arg("JUSTID");
            self.connection.call(&keep)?;
        }
        Ok(())
    }

    fn group_command(&self, group: &str, id: &str) -> Cmd {
        let count = self.batch.to_string();
        let stream = &self.address.stream;
        let arguments = [
            "GROUP",
            group,
            self.consumer,
            "COUNT",
            &count,
            "STREAMS",
            stream,
            id,
        ];
        command("XREADGROUP", &arguments)
    }

    fn fetched(&mut self, stream: &Value, lost: u64, read: Value) -> Fetched {
        let entries = StreamEntry::of_read(read);
        self.adapt(&entries);
        Fetched {
            entries,
            lost,
            unread: None,
            last_id: field_of(stream, "last-generated-id"),
        }
    }

    /// Reads more entries at once while they are small.
    fn adapt(&mut self, entries: &[StreamEntry]) {
        let size = |entry: &StreamEntry| {
            let fields = entry.fields.iter().flatten();
            fields.map(|(name, value)| name.len() + value.len()).sum()
        };
        let Some(largest) = entries.iter().map(size).max() else {
            return;
        };
        let fits = BATCH_BYTES.checked_div(largest).unwrap_or(BATCH);
        self.batch = fits.clamp(1, BATCH.min(self.batch * 2));
    }
}

fn three(values: Vec<Value>) -> [Value; 3] {
    let mut values = values.into_iter();
    [(); 3].map(|()| values.next().unwrap_or_default())
}
