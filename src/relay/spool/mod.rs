//! The bounded, ordered queue between the sources and the sinks of a relay.
//!
//! Each alert has a number. Each sink takes the alerts at its own pace, and confirms up to which
//! number it has delivered them. What all sinks have confirmed leaves the spool.

mod disk;
mod failures;
mod memory;
mod state;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::alert::Format;
use crate::config::Overflow;
use crate::delivery::{Message, Position};
use crate::error::Result;
use crate::util::lock::{lock, time_until, wait_on};
use state::State;

/// What a message costs beside its bytes: so that empty ones are bounded too.
const OVERHEAD: u64 = 64;

/// Between two attempts on a disk that fails.
const AGAIN: Duration = Duration::from_secs(1);

/// An alert as it comes from a source.
pub(crate) struct Incoming {
    pub source: Arc<str>,
    /// Its position is kept together with it, so that neither is without the other.
    pub message: Message,
}

/// An alert as it goes to a sink.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// 1, 2, 3 ...
    pub number: u64,
    pub source: Arc<str>,
    pub format: Format,
    pub bytes: Arc<[u8]>,
}

pub(crate) enum Storage {
    /// What is not delivered is lost with the process.
    Memory,
    /// In a folder, which is created if it is missing. One relay at a time may use it.
    ///
    /// What [`Spool::put`] and [`Spool::confirm`] have written survives the process at once,
    /// however it ends. It is written through to the disk, and by that survives a loss of power,
    /// by a thread that begins with that one second after the first commit that is not yet
    /// written through. So a loss of power costs at most the alerts of the last second, and of the
    /// time that the disk takes to write them; the positions of their sources are those before them,
    /// and their numbers are given to others. Confirmations are lost in the same way: such alerts
    /// are delivered a second time.
    Disk(PathBuf),
}

/// No more alerts are accepted.
#[derive(Debug)]
pub(crate) struct Closed;

#[derive(Debug)]
pub(crate) enum Taken {
    Alerts(Vec<Entry>),
    /// The time is over.
    Nothing,
    Closed,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    /// Put in since the start.
    pub stored: u64,
    /// Since the start, because there was no room.
    pub dropped: u64,
    /// In the spool now.
    pub alerts: u64,
    pub bytes: u64,
    /// How many each sink has not yet confirmed.
    pub waiting: Vec<u64>,
}

pub(crate) struct Spool {
    state: Mutex<State>,
    /// An alert came: for the sinks.
    arrived: Condvar,
    /// Room was made, or the disk refused to: for the sources.
    freed: Condvar,
    capacity: u64,
    overflow: Overflow,
    /// Where it is, if on disk.
    folder: Option<PathBuf>,
    /// What has come already is stored, room or no room.
    lifted: AtomicBool,
}

impl Spool {
    /// A spool for up to `capacity` bytes. The names of the sinks differ from each other, and
    /// there is at least one: without any, nothing would ever leave. A sink that was not there
    /// before begins with the oldest alert, one that is no longer there is forgotten.
    pub(crate) fn open(
        storage: Storage,
        capacity: u64,
        overflow: Overflow,
        sinks: &[String],
    ) -> Result<Spool> {
        let folder = match &storage {
            Storage::Memory => None,
            Storage::Disk(folder) => Some(folder.clone()),
        };
        let state = match storage {
            Storage::Memory => memory::open(sinks),
            Storage::Disk(folder) => disk::open(&folder, sinks)?,
        };
        Ok(Spool {
            state: Mutex::new(state),
            arrived: Condvar::new(),
            freed: Condvar::new(),
            capacity,
            overflow,
            folder,
            lifted: AtomicBool::new(false),
        })
    }

    /// Stores all in one transaction, and returns once that is done.
    ///
    /// With [`Overflow::Wait`] it blocks while the spool is full; the alerts that then come
    /// together are stored together, though they may exceed the capacity. A disk that fails
    /// blocks too, so that nothing is lost.
    pub(crate) fn put(&self, alerts: Vec<Incoming>) -> Result<(), Closed> {
        let mut state = self.lock();
        loop {
            if state.intake_closed {
                return Err(Closed);
            }
            let mut again = None;
            self.settle(&mut state);
            if state.unsettled {
                again = Some(Instant::now() + AGAIN);
            }
            let short = self.folder.as_deref().is_some_and(disk::is_short);
            if short {
                again = Some(Instant::now() + AGAIN);
            }
            if !self.is_full(&state, short) {
                match state.admit(&alerts, self.capacity, self.overflow) {
                    Ok(()) => break,
                    Err(error) => {
                        state.failures.tell("no alerts can be stored", &error);
                        // Nobody waits until it can.
                        if self.lifted.load(Ordering::Relaxed) {
                            return Err(Closed);
                        }
                        again = Some(Instant::now() + AGAIN);
                    }
                }
            }
            state = wait(&self.freed, state, again);
        }
        drop(state);
        self.arrived.notify_all();
        Ok(())
    }

    /// Waits for alerts after the number `after`, which are the next ones of this sink. At least
    /// one is given, however large it is.
    pub(crate) fn take(
        &self,
        sink: usize,
        after: u64,
        most: usize,
        most_bytes: usize,
        until: Option<Instant>,
    ) -> Taken {
        let mut state = self.lock();
        let after = after.max(state.confirmed(sink));
        loop {
            if state.closed {
                return Taken::Closed;
            }
            let mut wake = until;
            if state.has_after(after) {
                match state.read(after, most, most_bytes) {
                    Some(entries) => return Taken::Alerts(entries),
                    None => {
                        let again = Instant::now() + AGAIN;
                        wake = Some(until.map_or(again, |until| until.min(again)));
                    }
                }
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Taken::Nothing;
            }
            state = wait(&self.arrived, state, wake);
        }
    }

    /// The number up to which the sink has delivered everything: where it goes on.
    pub(crate) fn confirmed(&self, sink: usize) -> u64 {
        self.lock().confirmed(sink)
    }

    /// The sink has delivered everything up to this number.
    pub(crate) fn confirm(&self, sink: usize, number: u64) {
        let mut state = self.lock();
        if state.confirm(sink, number) {
            self.settle(&mut state);
            if state.unsettled {
                // Those who wait for room see to it from now on.
                self.freed.notify_all();
            }
        }
    }

    /// Where the source goes on, as its last alert told.
    pub(crate) fn position(&self, source: &str) -> Option<Position> {
        self.lock().positions.get(source).copied()
    }

    /// Whether what it holds survives the process.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.folder.is_some()
    }

    /// The sources bring no more than they hold already: it is stored, beyond the capacity too.
    pub(crate) fn lift_capacity(&self) {
        let state = self.lock();
        self.lifted.store(true, Ordering::Relaxed);
        drop(state);
        self.freed.notify_all();
    }

    /// No alert is accepted from now on, also not of those that wait for room.
    pub(crate) fn close_intake(&self) {
        self.lock().intake_closed = true;
        self.freed.notify_all();
    }

    /// No alert is given to the sinks from now on, whatever is left; so none is accepted either.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.intake_closed = true;
        drop(state);
        self.arrived.notify_all();
        self.freed.notify_all();
    }

    /// Waits until the sinks have confirmed everything, and tells whether they have.
    pub(crate) fn wait_empty(&self, until: Instant) -> bool {
        let mut state = self.lock();
        loop {
            self.settle(&mut state);
            if state.held.alerts == 0 {
                return true;
            }
            if state.closed || until <= Instant::now() {
                return false;
            }
            let wake = match state.unsettled {
                true => until.min(Instant::now() + AGAIN),
                false => until,
            };
            state = wait(&self.freed, state, Some(wake));
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let state = self.lock();
        Usage {
            stored: state.stored,
            dropped: state.dropped,
            alerts: state.held.alerts,
            bytes: state.held.bytes,
            waiting: state.waiting(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A disk that is nearly full is a full spool: once it is full, nothing can be removed either.
    fn is_full(&self, state: &State, short: bool) -> bool {
        // Whatever the capacity is, an empty spool takes something.
        self.overflow == Overflow::Wait
            && !self.lifted.load(Ordering::Relaxed)
            && state.held.alerts > 0
            && (short || state.held.bytes >= self.capacity)
    }

    fn settle(&self, state: &mut State) {
        if state.settle() {
            self.freed.notify_all();
        }
    }
}

fn wait<'a>(
    condvar: &Condvar,
    state: MutexGuard<'a, State>,
    until: Option<Instant>,
) -> MutexGuard<'a, State> {
    wait_on(condvar, state, until.map(time_until))
}

#[cfg(test)]
mod tests;
