//! Wakes the threads of a source, which wait on a condition or in a poll.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::util::lock::{lock, time_until, wait_on};

/// Wakes all waiting threads of a source when its [`Control`](super::Control) is woken.
pub(super) struct Wakeup {
    count: Mutex<u64>,
    changed: Condvar,
    readable: UnixStream,
    writable: UnixStream,
}

impl Wakeup {
    /// # Errors
    ///
    /// When file descriptors are exhausted.
    pub(super) fn new() -> io::Result<Wakeup> {
        let (readable, writable) = UnixStream::pair()?;
        readable.set_nonblocking(true)?;
        writable.set_nonblocking(true)?;
        Ok(Wakeup {
            count: Mutex::default(),
            changed: Condvar::new(),
            readable,
            writable,
        })
    }

    pub(super) fn wake(&self) {
        *lock(&self.count) += 1;
        self.changed.notify_all();
        // When its buffer is full, the other end is readable already.
        let _ = (&self.writable).write(&[1]);
    }

    /// Readable from a wake-up until it is [cleared](Wakeup::clear), for a thread that polls.
    pub(super) fn readable(&self) -> &UnixStream {
        &self.readable
    }

    pub(super) fn clear(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.readable).read(&mut bytes), Ok(1..)) {}
    }

    /// Blocks until `done` holds, which is checked at first and after each wake-up, at most for
    /// `timeout`. Returns whether it holds.
    pub(super) fn wait_until(&self, done: impl Fn() -> bool, timeout: Option<Duration>) -> bool {
        // A timeout beyond the clock's range never ends.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut count = lock(&self.count);
        loop {
            let before = *count;
            drop(count);
            if done() {
                return true;
            }
            count = lock(&self.count);
            while *count == before {
                let left = deadline.map(time_until);
                if left == Some(Duration::ZERO) {
                    return false;
                }
                count = wait_on(&self.changed, count, left);
            }
        }
    }
}
