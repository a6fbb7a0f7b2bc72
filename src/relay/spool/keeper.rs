//! Looks after a spool on disk, also while no alert moves.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::contents::Contents;
use crate::relay::shutdown::StopSignal;
use crate::util::lock::lock;
use crate::util::thread::spawn_named;

/// How soon it is noticed that files were removed, where nobody posts.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause between two steps of work, in which alerts move.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Keeper {
    stop: Arc<StopSignal>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn start(contents: Arc<Mutex<Contents>>) -> io::Result<Keeper> {
        let stop = Arc::new(StopSignal::default());
        let stopped = stop.clone();
        let run = move || {
            let mut pause = INTERVAL;
            while !stopped.pause(pause) {
                pause = match lock(&contents).tend() {
                    true => PAUSE,
                    false => INTERVAL,
                };
            }
        };
        Ok(Keeper {
            stop,
            thread: Some(spawn_named("spool-keeper", run)?),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
    }
}
