//! Who tells whom that it is over.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tells threads to stop, also those that pause.
#[derive(Default)]
pub(super) struct Stop {
    stopped: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    pub(super) fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }

    /// Pauses for so long, or until it is stopped: whether it is.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .told
            .wait_timeout_while(stopped, time, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
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
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    pub(super) fn ends(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_sub(1);
        self.one_ended.notify_all();
    }

    /// Waits until none runs, at most until then: whether none does.
    pub(super) fn wait(&self, until: Option<Instant>) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while *running > 0 {
            let Some(until) = until else {
                running = self
                    .one_ended
                    .wait(running)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.one_ended.wait_timeout(running, left);
            running = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
