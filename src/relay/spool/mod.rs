//! The bounded, ordered queue between the sources and the sinks of a relay.
//!
//! Each alert has a number. Each sink takes the alerts at its own pace, and confirms up to which
//! number it has delivered them. What all sinks have confirmed leaves the spool.

mod condition;
mod contents;
mod cursor;
mod damage;
mod disk;
mod entry;
mod failures;
mod group;
mod keeper;
mod memory;
mod sinks;
mod store;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::config::Overflow;
use crate::error::Result;
use crate::position::Position;
use crate::relay::dead_letters::DeadLetters;
use crate::util::lock::{lock, time_until, wait_on};
use condition::Condition;
use contents::Contents;
use group::{Group, Put, PutOutcome};
use keeper::Keeper;

pub(crate) use contents::{SinkUsage, Usage};
pub(crate) use entry::{Entry, Incoming};
pub(crate) use sinks::Sinks;

/// The pause between two attempts on a disk that fails.
const RETRY: Duration = Duration::from_secs(1);

/// Where a spool is.
pub(crate) enum Storage {
    /// What is not delivered is lost when the process ends.
    Memory,
    /// In a folder, which is created if it is missing. One relay at a time may use it. Alerts that are
    /// damaged there become dead letters.
    ///
    /// What [`Spool::put`] has written survives the end of the process, however it comes, from the moment
    /// when it returns. What [`Spool::confirm`] is told is written with the next alerts, at most 5 ms
    /// later. A thread syncs it to the disk, so that it also survives a loss of power: it starts one second
    /// after the first commit that is not yet synced. A loss of power thus costs at most the alerts of the last second and of the time
    /// that a sync takes; their sources go on at the positions before them, and their numbers are
    /// used again. Confirmations are lost in the same way: those alerts are delivered a second time.
    Disk(PathBuf, Arc<DeadLetters>),
}

/// No more alerts are accepted.
#[derive(Debug)]
pub(crate) struct Closed;

#[derive(Debug)]
pub(crate) enum Taken {
    Alerts(Vec<Entry>),
    TimedOut,
    Closed,
}

/// A bounded queue with a cursor for each sink.
pub(crate) struct Spool {
    /// The first field, so that it ends before the contents.
    _keeper: Option<Keeper>,
    contents: Arc<Mutex<Contents>>,
    /// The threads that put something.
    group: Group,
    /// Wakes the keeper: something was confirmed and is not written.
    confirmed: Arc<Condvar>,
    /// Wakes the sinks: an alert came.
    arrived: Condvar,
    /// Wakes the sources: room was made, or has to be made by them.
    freed: Arc<Condvar>,
    capacity: u64,
    overflow: Overflow,
    /// Where it is, if on disk.
    folder: Option<PathBuf>,
    /// The capacity holds no longer.
    lifted: AtomicBool,
}

impl Spool {
    /// Opens a spool of up to `capacity` bytes, for at least one sink. A sink that is new begins with
    /// the oldest alert. One for which alerts wait is never forgotten unasked.
    pub(crate) fn open(
        storage: Storage,
        capacity: u64,
        overflow: Overflow,
        sinks: &Sinks<'_>,
    ) -> Result<Spool> {
        let folder = match &storage {
            Storage::Memory => None,
            Storage::Disk(folder, _) => Some(folder.clone()),
        };
        let path = folder.clone().unwrap_or_else(|| PathBuf::from("in memory"));
        let condition = Condition::new(path, overflow, capacity);
        let contents = match storage {
            Storage::Memory => memory::open(sinks.named.len(), condition),
            Storage::Disk(folder, dead_letters) => {
                disk::open(&folder, sinks, condition, dead_letters)?
            }
        };
        let contents = Arc::new(Mutex::new(contents));
        let (confirmed, freed) = (Arc::<Condvar>::default(), Arc::<Condvar>::default());
        let keeper = folder.as_deref().map(|folder| {
            let keeper = Keeper::start(contents.clone(), confirmed.clone(), freed.clone());
            keeper.map_err(|error| disk::no_thread(folder, error))
        });
        Ok(Spool {
            _keeper: keeper.transpose()?,
            contents,
            group: Group::default(),
            confirmed,
            arrived: Condvar::new(),
            freed,
            capacity,
            overflow,
            folder,
            lifted: AtomicBool::new(false),
        })
    }

    /// Checks whether a spool in this folder can be used, without making one.
    ///
    /// # Errors
    ///
    /// As [`open`](Spool::open).
    pub(crate) fn check(folder: &Path) -> Result<()> {
        disk::check(folder)
    }

    /// Stores all in one transaction, together with what other threads put meanwhile, and returns once that
    /// is done.
    ///
    /// With [`Overflow::Wait`] it blocks while the spool is full; what begins while there is room is
    /// stored as a whole, though it may exceed the capacity. It also blocks while the disk fails, so
    /// that nothing is lost.
    pub(crate) fn put(&self, alerts: Vec<Incoming>) -> Result<(), Closed> {
        let mut left = alerts;
        loop {
            let Put { alerts, outcome } = self.group.put(left, |puts| self.store(puts));
            match outcome {
                PutOutcome::Stored => return Ok(()),
                PutOutcome::Closed => return Err(Closed),
                PutOutcome::Full => self.wait_for_room()?,
                PutOutcome::Failed => self.wait_for_store()?,
            }
            left = alerts;
        }
    }

    /// Stores what several threads have put, as far as there is room, in one transaction.
    fn store(&self, puts: &mut [Put]) {
        let mut contents = self.lock();
        if contents.intake_closed {
            for put in puts {
                put.outcome = PutOutcome::Closed;
            }
            return;
        }
        let bytes: u64 = puts.iter().map(Put::cost).sum();
        let is_near = contents.held.bytes.saturating_add(bytes) >= self.capacity;
        if is_near || !contents.may_defer() {
            self.settle(&mut contents);
        }
        let short = self.note_disk(&mut contents);
        let room = self.room(&contents, short);
        if !contents.admit(puts, room, self.capacity, self.overflow) && !short {
            contents.note_full();
        }
        drop(contents);
        self.arrived.notify_all();
    }

    /// Waits until there may be room.
    fn wait_for_room(&self) -> Result<(), Closed> {
        let contents = self.lock();
        if contents.intake_closed {
            return Err(Closed);
        }
        let short = contents.condition.now.disk_short;
        if self.room(&contents, short) == Some(0) {
            let retry = (contents.unsettled || short).then(|| Instant::now() + RETRY);
            drop(wait(&self.freed, contents, retry));
        }
        Ok(())
    }

    /// Waits until it is time to try a store again that fails.
    fn wait_for_store(&self) -> Result<(), Closed> {
        let contents = self.lock();
        // The relay ends, and does not wait for the disk.
        if contents.intake_closed || self.lifted.load(Ordering::Relaxed) {
            return Err(Closed);
        }
        drop(wait(&self.freed, contents, Some(Instant::now() + RETRY)));
        Ok(())
    }

    /// Waits for alerts that this sink was not given yet, and gives it the next of them: at least one,
    /// however large it is.
    pub(crate) fn take(
        &self,
        sink: usize,
        most: usize,
        most_bytes: usize,
        until: Option<Instant>,
    ) -> Taken {
        let mut contents = self.lock();
        loop {
            if contents.closed {
                return Taken::Closed;
            }
            let mut wake = until;
            if contents.has_more(sink) {
                match contents.give(sink, most, most_bytes) {
                    Some(entries) if entries.is_empty() => self.settle(&mut contents),
                    Some(entries) => return Taken::Alerts(entries),
                    None => {
                        let retry = Instant::now() + RETRY;
                        wake = Some(until.map_or(retry, |until| until.min(retry)));
                    }
                }
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Taken::TimedOut;
            }
            contents = wait(&self.arrived, contents, wake);
        }
    }

    /// The sink has delivered everything that it was given, up to this number. Returns how many
    /// alerts that are: after a drop the numbers have gaps.
    pub(crate) fn confirm(&self, sink: usize, number: u64) -> u64 {
        let mut contents = self.lock();
        let was_settled = !contents.unsettled;
        let confirmed = contents.confirm(sink, number);
        if contents.may_defer() {
            if was_settled && contents.unsettled {
                self.confirmed.notify_one();
            }
            return confirmed;
        }
        self.settle(&mut contents);
        contents.note_room();
        if contents.condition.now.disk_short {
            self.note_disk(&mut contents);
        }
        if contents.unsettled || contents.is_empty() {
            // Those who wait for room retry to store it from now on.
            self.freed.notify_all();
        }
        confirmed
    }

    /// No sink delivers any more of what it was given, and nothing more is stored. What is left is synced
    /// to the disk.
    pub(crate) fn release(&self) {
        self.lock().release();
    }

    /// The last number that was given to an alert, and the number up to which all have left it.
    pub(crate) fn extent(&self) -> (u64, u64) {
        self.lock().extent()
    }

    /// Where each source goes on: the position of its last alert.
    pub(crate) fn positions(&self) -> Vec<(Arc<str>, Position)> {
        let contents = self.lock();
        let positions = contents.positions.iter();
        positions
            .map(|(source, position)| (source.clone(), *position))
            .collect()
    }

    /// Where the source goes on.
    #[cfg(test)]
    pub(crate) fn position(&self, source: &str) -> Option<Position> {
        self.lock().positions.get(source).copied()
    }

    /// Whether its contents survive the process.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.folder.is_some()
    }

    /// From now on the sources bring only what they have received already: it is stored beyond the
    /// capacity, too.
    pub(crate) fn lift_capacity(&self) {
        let contents = self.lock();
        self.lifted.store(true, Ordering::Relaxed);
        drop(contents);
        self.freed.notify_all();
    }

    /// Accepts no more alerts. Those that wait for room are refused, too.
    pub(crate) fn close_intake(&self) {
        self.lock().intake_closed = true;
        self.freed.notify_all();
    }

    /// Gives the sinks no more alerts, whatever is left, and accepts none.
    pub(crate) fn close(&self) {
        let mut contents = self.lock();
        contents.closed = true;
        contents.intake_closed = true;
        drop(contents);
        self.arrived.notify_all();
        self.freed.notify_all();
    }

    /// Waits until the sinks have confirmed everything. Returns whether they have.
    pub(crate) fn wait_empty(&self, until: Instant) -> bool {
        let mut contents = self.lock();
        loop {
            self.settle(&mut contents);
            if contents.is_empty() {
                return true;
            }
            if contents.closed || until <= Instant::now() {
                return false;
            }
            let wake = match contents.unsettled {
                true => until.min(Instant::now() + RETRY),
                false => until,
            };
            contents = wait(&self.freed, contents, Some(wake));
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let mut contents = self.lock();
        self.settle(&mut contents);
        self.note_disk(&mut contents);
        // Where it fails, the usage says so.
        let _ = contents.secure();
        contents.usage()
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        lock(&self.contents)
    }

    /// How many bytes may be in the spool before something more is put, if that is limited. A disk that is
    /// nearly full counts as a full spool: once it is full, nothing can be removed either.
    fn room(&self, contents: &Contents, short: bool) -> Option<u64> {
        match self.overflow {
            Overflow::Wait if self.lifted.load(Ordering::Relaxed) => None,
            // An empty spool takes something, whatever its capacity.
            Overflow::Wait if contents.held.alerts == 0 => Some(self.capacity.max(1)),
            Overflow::Wait if short => Some(0),
            Overflow::Wait => Some(self.capacity.saturating_sub(contents.held.bytes)),
            Overflow::DropOldest | Overflow::DropNewest => None,
        }
    }

    /// Whether the disk has too little free space.
    fn note_disk(&self, contents: &mut Contents) -> bool {
        let short = self.folder.as_deref().is_some_and(disk::is_short);
        let held = contents.held;
        contents.condition.set_disk_short(short, held);
        short
    }

    fn settle(&self, contents: &mut Contents) {
        if contents.settle() {
            self.freed.notify_all();
        }
    }
}

fn wait<'a>(
    condvar: &Condvar,
    contents: MutexGuard<'a, Contents>,
    until: Option<Instant>,
) -> MutexGuard<'a, Contents> {
    wait_on(condvar, contents, until.map(time_until))
}

#[cfg(test)]
mod tests;
