//! Writes commits through to the disk, from a thread of its own: that takes milliseconds, and
//! nobody has to wait for it.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use crate::relay::spool::failures::Failures;
use crate::util::lock::{lock, wait_on, wait_while};

/// How long a commit may wait.
const DELAY: Duration = Duration::from_secs(1);

/// Until the next attempt, when a reader was in the way.
const SOON: Duration = Duration::from_millis(10);

pub(super) struct Through {
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
    /// There are commits that are not written through.
    wanted: bool,
    ended: bool,
}

impl Through {
    pub(super) fn start(connection: Connection, failures: Failures) -> io::Result<Through> {
        let shared = Arc::new(Shared::default());
        let work = shared.clone();
        let thread = Builder::new()
            .name("spool".to_owned())
            .spawn(move || work.run(&connection, failures))?;
        Ok(Through {
            shared,
            thread: Some(thread),
        })
    }

    /// There was a commit.
    pub(super) fn wanted(&self) {
        let mut work = lock(&self.shared.work);
        if !std::mem::replace(&mut work.wanted, true) {
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Through {
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
                    self.again();
                    SOON
                }
                Err(error) => {
                    let what = "alerts are stored, but may be lost with the power";
                    failures.tell(what, &error);
                    self.again();
                    DELAY
                }
            };
        }
    }

    /// Waits until there is something to do, and for so long that more of it gathers. `false` at
    /// the end, when the spool does the rest itself.
    fn wait(&self, delay: Duration) -> bool {
        let mut work = lock(&self.work);
        while !work.wanted && !work.ended {
            work = wait_on(&self.changed, work, None);
        }
        let (mut work, _) = wait_while(&self.changed, work, delay, |work| !work.ended);
        // Before the work is done: what is committed meanwhile may be too late for it.
        work.wanted = false;
        !work.ended
    }

    fn again(&self) {
        lock(&self.work).wanted = true;
    }
}

/// Tells whether everything was written through that was there.
fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
    connection.query_row(checkpoint, [], |row| {
        let (busy, log, done): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!busy && log == done)
    })
}
