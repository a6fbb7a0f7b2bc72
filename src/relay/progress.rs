//! What a sink has delivered, and whether it fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::util::lock::lock;

#[derive(Default)]
pub(super) struct Progress {
    delivered: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    filtered: AtomicU64,
    held_back: AtomicU64,
    /// Since when it has not answered what it was given.
    waiting_since: Mutex<Option<Instant>>,
    /// Why the sink takes nothing now.
    failing: Mutex<Option<Arc<str>>>,
}

impl Progress {
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn filtered(&self) -> u64 {
        self.filtered.load(Ordering::Relaxed)
    }

    /// Alerts that it may be failing on, and that are tried after the others.
    pub(super) fn held_back(&self) -> u64 {
        self.held_back.load(Ordering::Relaxed)
    }

    pub(super) fn set_held_back(&self, alerts: u64) {
        self.held_back.store(alerts, Ordering::Relaxed);
    }

    /// For how long it has not answered what it was given last.
    pub(super) fn unanswered(&self) -> Duration {
        let since = *lock(&self.waiting_since);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub(super) fn set_waiting_since(&self, since: Option<Instant>) {
        *lock(&self.waiting_since) = since;
    }

    pub(super) fn failing(&self) -> Option<Arc<str>> {
        lock(&self.failing).clone()
    }

    pub(super) fn add_delivered(&self, alerts: u64) {
        self.delivered.fetch_add(alerts, Ordering::Relaxed);
    }

    pub(super) fn add_refused(&self, alerts: u64) {
        self.refused.fetch_add(alerts, Ordering::Relaxed);
    }

    /// Streams of clients that were ended, as they took nothing.
    pub(super) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    pub(super) fn add_cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_filtered(&self, alerts: u64) {
        self.filtered.fetch_add(alerts, Ordering::Relaxed);
    }

    /// Sets why the sink takes nothing, or that it does. Returns whether it failed before.
    pub(super) fn set_failing(&self, failing: Option<&str>) -> bool {
        std::mem::replace(&mut *lock(&self.failing), failing.map(Arc::from)).is_some()
    }
}
