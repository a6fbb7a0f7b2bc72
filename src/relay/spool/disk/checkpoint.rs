//! Syncs commits to the disk, on a thread of its own, as a sync takes milliseconds.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use crate::relay::spool::failures::Failures;
use crate::util::lock::{lock, wait_on, wait_while};

/// How long a commit may wait, so that more of them are synced together.
const DELAY: Duration = Duration::from_secs(1);

/// The pause before the next attempt, where a reader has blocked one.
const RETRY: Duration = Duration::from_millis(10);

pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Default)]
struct Work {
    /// There are commits that are not synced.
    requested: bool,
    ended: bool,
}

impl Checkpointer {
    pub(super) fn start(connection: Connection, failures: Failures) -> io::Result<Checkpointer> {
        let shared = Arc::new(Shared::default());
        let work = shared.clone();
        let thread = Builder::new()
            .name("spool".to_owned())
            .spawn(move || work.run(&connection, failures))?;
        Ok(Checkpointer {
            shared,
            thread: Some(thread),
        })
    }

    /// Requests a sync of what was committed until now.
    pub(super) fn request(&self) {
        let mut work = lock(&self.shared.work);
        if !std::mem::replace(&mut work.requested, true) {
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        lock(&self.shared.work).ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, connection: &Connection, mut failures: Failures) {
        let mut delay = DELAY;
        while self.wait(delay) {
            delay = match checkpoint(connection) {
                Ok(true) => DELAY,
                Ok(false) => {
                    self.request_again();
                    RETRY
                }
                Err(error) => {
                    let what = "alerts are stored, but a loss of power may lose them";
                    failures.report(what, &error.into());
                    self.request_again();
                    DELAY
                }
            };
        }
    }

    /// Waits for a request, and then for the delay. Returns false at the end, when the spool makes the
    /// last checkpoint itself.
    fn wait(&self, delay: Duration) -> bool {
        let mut work = lock(&self.work);
        while !work.requested && !work.ended {
            work = wait_on(&self.changed, work, None);
        }
        let (mut work, _) = wait_while(&self.changed, work, delay, |work| !work.ended);
        // Before the checkpoint, which may miss what is committed while it runs.
        work.requested = false;
        !work.ended
    }

    fn request_again(&self) {
        lock(&self.work).requested = true;
    }
}

/// Returns whether everything that was committed is synced.
fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
    connection.query_row(checkpoint, [], |row| {
        let (busy, log, done): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!busy && log == done)
    })
}
