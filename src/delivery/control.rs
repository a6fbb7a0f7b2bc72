//! The control of a running source: how it is ended, woken and observed.

use std::sync::atomic::{AtomicU64, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use futures::task::AtomicWaker;

use super::counters::LiveCounters;
use super::message::Message;
use super::state::{Observed, Observer, State};
use super::wake::Wakeup;
use crate::alert::Alert;
use crate::endpoint::Endpoint;
use crate::error::Result;

/// What a source is asked to do; each mode is stronger than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Mode {
    Run,
    /// Request no more, and deliver what is in flight.
    Close,
    /// Cancel the call, and deliver what was received before.
    Cancel,
    /// Cancel the call. No reader is left.
    Abandon,
}

const MODES: [Mode; 4] = [Mode::Run, Mode::Close, Mode::Cancel, Mode::Abandon];

/// Tells up to which number everything was read.
#[cfg(any(feature = "kafka", feature = "redis", feature = "relay"))]
type Follow = Box<dyn Fn() -> u64 + Send + Sync>;

pub(crate) struct Control {
    mode: AtomicU8,
    /// Of a source that runs as a task.
    task: AtomicWaker,
    /// Of a source that runs on threads.
    threads: OnceLock<Weak<Wakeup>>,
    observed: Observed,
    /// The number of the last message that was read: its reader has asked for the one after it.
    read: AtomicU64,
    /// The number up to which nobody waits for a message to be read, be it read or not.
    handled: AtomicU64,
    /// Tells that number, where it is not marked.
    #[cfg(any(feature = "kafka", feature = "redis", feature = "relay"))]
    follows: OnceLock<Follow>,
    endpoint: Endpoint,
    pub(crate) counters: LiveCounters,
}

impl Control {
    pub(crate) fn new(endpoint: Endpoint) -> Arc<Control> {
        Arc::new(Control {
            mode: AtomicU8::default(),
            task: AtomicWaker::default(),
            threads: OnceLock::new(),
            observed: Observed::default(),
            read: AtomicU64::default(),
            handled: AtomicU64::default(),
            #[cfg(any(feature = "kafka", feature = "redis", feature = "relay"))]
            follows: OnceLock::new(),
            endpoint,
            counters: LiveCounters::default(),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn close(&self) {
        self.raise(Mode::Close);
    }

    pub(crate) fn cancel(&self) {
        self.raise(Mode::Cancel);
    }

    pub(crate) fn abandon(&self) {
        self.raise(Mode::Abandon);
    }

    fn raise(&self, mode: Mode) {
        self.mode.fetch_max(mode as u8, Ordering::Release);
        self.wake();
    }

    pub(crate) fn mode(&self) -> Mode {
        MODES[usize::from(self.mode.load(Ordering::Acquire)).min(MODES.len() - 1)]
    }

    /// Lets the source check its mode, and the room in its outlet, again.
    pub(crate) fn wake(&self) {
        self.task.wake();
        if let Some(threads) = self.threads.get().and_then(Weak::upgrade) {
            threads.wake();
        }
    }

    /// Registers the threads of a source, once.
    pub(super) fn register_threads(&self, threads: Weak<Wakeup>) {
        let _ = self.threads.set(threads);
    }

    /// Registers the task of a source.
    pub(crate) fn register(&self, task: &Waker) {
        self.task.register(task);
    }

    /// Drops the task, which has ended: a handle must not keep its call alive.
    pub(crate) fn forget(&self) {
        drop(self.task.take());
    }

    /// Everything up to this number was read, or was dropped as [`Overflow`](crate::Overflow) says.
    pub(crate) fn mark_read(&self, number: u64) {
        self.read.fetch_max(number, Ordering::Release);
    }

    /// Nobody waits for a message up to this number to be read.
    pub(super) fn set_handled(&self, number: u64) {
        self.handled.store(number, Ordering::Release);
    }

    /// What was read is told by this from now on, and not marked.
    #[cfg(feature = "relay")]
    pub(crate) fn follow(&self, follow: Follow) {
        let _ = self.follows.set(follow);
    }

    /// The number up to which everything was read.
    #[cfg(any(feature = "kafka", feature = "redis"))]
    pub(crate) fn read_up_to(&self) -> u64 {
        if let Some(follow) = self.follows.get() {
            self.mark_read(follow());
        }
        self.read.load(Ordering::Acquire)
    }

    /// The number up to which the source need not wait for its reader.
    #[cfg(any(feature = "kafka", feature = "redis", test))]
    pub(crate) fn handled_up_to(&self) -> u64 {
        #[cfg(any(feature = "kafka", feature = "redis"))]
        self.read_up_to();
        let read = self.read.load(Ordering::Acquire);
        read.max(self.handled.load(Ordering::Acquire))
    }

    /// The number that was marked last.
    #[cfg(test)]
    pub(crate) fn marked_read(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    pub(crate) fn state(&self) -> State {
        self.observed.state()
    }

    pub(crate) fn observe(&self, observer: Observer) {
        self.observed.observe(observer);
    }

    pub(crate) fn set(&self, state: State) -> bool {
        self.observed.set(state)
    }

    /// Decodes a message, and counts it where it is lossy or undecodable.
    pub(crate) fn read(&self, message: Message) -> Result<Alert> {
        match message.decode() {
            Ok(alert) => {
                if alert.is_lossy() {
                    self.counters.lossy();
                }
                Ok(alert)
            }
            Err(error) => {
                self.counters.undecodable();
                Err(error.received_from(&self.endpoint))
            }
        }
    }
}
