//! Looks after a spool on disk, also while no alert moves.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::contents::Contents;
use crate::util::lock::{lock, time_until, wait_while};
use crate::util::thread::spawn_named;

/// How soon it is noticed that files were removed, where nobody posts.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause between two steps of work, in which alerts move.
const PAUSE: Duration = Duration::from_millis(10);

/// How long what was confirmed waits for alerts to be written with.
const CONFIRMED: Duration = Duration::from_millis(5);

pub(super) struct Keeper {
    tending: Arc<Tending>,
    thread: Option<JoinHandle<()>>,
}

struct Tending {
    contents: Arc<Mutex<Contents>>,
    /// Something was confirmed, or this ends.
    confirmed: Arc<Condvar>,
    freed: Arc<Condvar>,
    ended: AtomicBool,
}

impl Keeper {
    pub(super) fn start(
        contents: Arc<Mutex<Contents>>,
        confirmed: Arc<Condvar>,
        freed: Arc<Condvar>,
    ) -> io::Result<Keeper> {
        let tending = Arc::new(Tending {
            contents,
            confirmed,
            freed,
            ended: AtomicBool::new(false),
        });
        let run = tending.clone();
        Ok(Keeper {
            tending,
            thread: Some(spawn_named("spool-keeper", move || run.run())?),
        })
    }
}

impl Tending {
    fn run(&self) {
        let mut tend_at = Instant::now() + INTERVAL;
        // What could not be written a moment ago.
        let mut failed = false;
        loop {
            let is_idle = |contents: &mut Contents| {
                (failed || !contents.unsettled) && !self.ended.load(Ordering::Relaxed)
            };
            let contents = lock(&self.contents);
            let time = time_until(tend_at);
            drop(wait_while(&self.confirmed, contents, time, is_idle));
            if self.ended.load(Ordering::Relaxed) {
                return;
            }
            // Whatever is confirmed meanwhile wakes nobody.
            thread::sleep(CONFIRMED);
            let mut contents = lock(&self.contents);
            if contents.unsettled {
                contents.settle();
                self.freed.notify_all();
            }
            failed = contents.unsettled;
            if Instant::now() >= tend_at {
                tend_at = Instant::now()
                    + match contents.tend() {
                        true => PAUSE,
                        false => INTERVAL,
                    };
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let contents = lock(&self.tending.contents);
        self.tending.ended.store(true, Ordering::Relaxed);
        drop(contents);
        self.tending.confirmed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
    }
}
