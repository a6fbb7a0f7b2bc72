//! Wakes a source that waits, on a condition or in a poll.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex};

use crate::util::lock::{lock, wait_on};

/// Wakes whoever waits when a [`Control`](super::Control) is woken.
pub(super) struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
    readable: UnixStream,
    ringer: UnixStream,
}

impl Bell {
    /// # Errors
    ///
    /// Where the system gives no more descriptors.
    pub(super) fn new() -> io::Result<Bell> {
        let (readable, ringer) = UnixStream::pair()?;
        readable.set_nonblocking(true)?;
        ringer.set_nonblocking(true)?;
        Ok(Bell {
            rings: Mutex::default(),
            rung: Condvar::new(),
            readable,
            ringer,
        })
    }

    pub(super) fn ring(&self) {
        *lock(&self.rings) += 1;
        self.rung.notify_all();
        // A full one has been rung already.
        let _ = (&self.ringer).write(&[1]);
    }

    /// Readable from a ring until it is [cleared](Bell::clear), for a thread that polls.
    pub(super) fn readable(&self) -> &UnixStream {
        &self.readable
    }

    pub(super) fn clear(&self) {
        let mut rings = [0; 64];
        while matches!((&self.readable).read(&mut rings), Ok(1..)) {}
    }

    /// Waits until `done`, which is asked at first and after each ring.
    pub(super) fn wait_until(&self, done: impl Fn() -> bool) {
        let mut rings = lock(&self.rings);
        loop {
            let before = *rings;
            drop(rings);
            if done() {
                return;
            }
            rings = lock(&self.rings);
            while *rings == before {
                rings = wait_on(&self.rung, rings, None);
            }
        }
    }
}
