//! Shutdown signals between threads.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::util::lock::{lock, time_until, wait_on, wait_while};

/// Tells threads to stop, also those that pause.
#[derive(Default)]
pub(super) struct Stop {
    stopped: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    pub(super) fn stop(&self) {
        *lock(&self.stopped) = true;
        self.told.notify_all();
    }

    /// Pauses for so long, or until it is stopped: whether it is.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let stopped = lock(&self.stopped);
        *wait_while(&self.told, stopped, time, |stopped| !*stopped).0
    }
}

/// Tells when all sources have ended.
#[derive(Default)]
pub(super) struct Finished {
    running: Mutex<usize>,
    one_ended: Condvar,
}

impl Finished {
    pub(super) fn starts(&self) {
        *lock(&self.running) += 1;
    }

    pub(super) fn ends(&self) {
        let mut running = lock(&self.running);
        *running = running.saturating_sub(1);
        self.one_ended.notify_all();
    }

    /// Waits until none runs, at most until then: whether none does.
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
