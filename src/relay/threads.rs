//! The threads of a relay's sinks.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::shutdown::{StopSignal, WaitGroup};
use crate::util::lock::lock;
use crate::util::thread::spawn_named;

#[derive(Default)]
pub(super) struct Threads {
    stop: Arc<StopSignal>,
    draining: Arc<StopSignal>,
    running: Arc<WaitGroup>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    pub(super) fn spawn(&self, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let member = self.running.enter();
        let thread = spawn_named("relay-sink", move || {
            run();
            // After all that the thread has held.
            drop(member);
        });
        lock(&self.handles).push(thread?);
        Ok(())
    }

    /// Wakes the threads that pause, from the moment when they are to end.
    pub(super) fn stop_signal(&self) -> &Arc<StopSignal> {
        &self.stop
    }

    /// Tells the threads, from the moment when the relay stops, that nothing is to be waited for.
    pub(super) fn draining(&self) -> &Arc<StopSignal> {
        &self.draining
    }

    /// Waits for the threads. Returns whether all have ended in this time; the others are left behind.
    pub(super) fn join(&self, timeout: Duration) -> bool {
        let ended = self.running.wait(Some(Instant::now() + timeout));
        for thread in std::mem::take(&mut *lock(&self.handles)) {
            if thread.is_finished() {
                // A panic was reported by the thread itself.
                let _ = thread.join();
            }
        }
        ended
    }
}
