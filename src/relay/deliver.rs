//! Brings the alerts of the spool to a sink, in order, until each is delivered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::spool::{Entry, Spool, Taken};
use super::stop::Stop;
use crate::util::lock::lock;

/// Pauses after a failure: the first, and the longest that it doubles up to.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// So much is taken out of the spool at once.
pub(super) const BATCH_BYTES: usize = 1 << 20;
const BATCH: usize = 256;

pub(super) enum Outcome {
    Delivered,
    /// It never will be: the alert itself is refused.
    Refused,
}

/// A sink that says what it has taken.
pub(super) trait Deliver: Send + 'static {
    /// How many alerts it takes in one go.
    fn at_once(&self) -> usize;

    /// Delivers these, all or none.
    fn deliver(&mut self, entries: &[Entry]) -> Result<Outcome, String>;
}

/// How a sink stands.
#[derive(Default)]
pub(super) struct Progress {
    pub delivered: AtomicU64,
    pub refused: AtomicU64,
    /// Why it takes nothing now.
    failing: Mutex<Option<Arc<str>>>,
}

impl Progress {
    pub(super) fn failing(&self) -> Option<Arc<str>> {
        lock(&self.failing).clone()
    }

    /// Whether that is news.
    fn set(&self, failing: Option<&str>) -> bool {
        let mut now = lock(&self.failing);
        let news = now.is_some() != failing.is_some();
        *now = failing.map(Arc::from);
        news
    }
}

pub(super) struct Delivery<D> {
    pub sink: D,
    pub name: Arc<str>,
    pub number: usize,
    pub spool: Arc<Spool>,
    pub progress: Arc<Progress>,
    pub stop: Arc<Stop>,
}

impl<D: Deliver> Delivery<D> {
    /// Delivers until the spool is closed.
    pub(super) fn run(mut self) {
        let mut after = self.spool.confirmed(self.number);
        loop {
            let taken = self
                .spool
                .take(self.number, after, BATCH, BATCH_BYTES, None);
            let Taken::Alerts(entries) = taken else {
                return;
            };
            for entries in entries.chunks(self.sink.at_once().max(1)) {
                let Some(last) = entries.last() else { continue };
                if !self.insist(entries) {
                    return;
                }
                after = last.number;
                self.spool.confirm(self.number, after);
            }
        }
    }

    /// Tries until it goes well: false where it was stopped before.
    fn insist(&mut self, entries: &[Entry]) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.sink.deliver(entries) {
                Ok(outcome) => {
                    let count = match outcome {
                        Outcome::Delivered => &self.progress.delivered,
                        Outcome::Refused => &self.progress.refused,
                    };
                    count.fetch_add(entries.len() as u64, Ordering::Relaxed);
                    if self.progress.set(None) {
                        log::info!("{}: takes alerts again", self.name);
                    }
                    return true;
                }
                Err(problem) => {
                    if self.progress.set(Some(&problem)) {
                        log::warn!(
                            "{}: {problem}; alerts wait in the spool, and it is tried again",
                            self.name
                        );
                    }
                }
            }
            if self.stop.pause(pause) {
                return false;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
