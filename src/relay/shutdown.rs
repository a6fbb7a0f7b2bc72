//! Shutdown signals between threads.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::util::lock::{lock, time_until, wait_on, wait_while};

/// Asks threads to stop, and wakes those that pause.
#[derive(Default)]
pub(super) struct StopSignal {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl StopSignal {
    pub(super) fn stop(&self) {
        *lock(&self.stopped) = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Pauses for this time, or until the stop. Returns whether that has come.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let stopped = lock(&self.stopped);
        *wait_while(&self.changed, stopped, time, |stopped| !*stopped).0
    }
}

/// Counts what runs, and waits for its end.
#[derive(Default)]
pub(super) struct WaitGroup {
    running: Mutex<usize>,
    one_ended: Condvar,
}

impl WaitGroup {
    /// Counts one more, until what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Member {
        *lock(&self.running) += 1;
        Member(self.clone())
    }

    /// Waits until nothing runs, or until the time comes. Returns whether nothing runs.
    pub(super) fn wait(&self, until: Option<Instant>) -> bool {
        let mut running = lock(&self.running);
        while *running > 0 {
            let left = until.map(time_until);
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            running = wait_on(&self.one_ended, running, left);
        }
        true
    }
}

/// One of those that a [`WaitGroup`] counts.
pub(super) struct Member(Arc<WaitGroup>);

impl Drop for Member {
    fn drop(&mut self) {
        let mut running = lock(&self.0.running);
        *running = running.saturating_sub(1);
        self.0.one_ended.notify_all();
    }
}
