//! What a sequence has brought so far, counted where it happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a sequence of alerts has brought so far, for metrics: each number only grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Alerts that came from Falco, read or not.
    pub alerts: u64,
    /// Their bytes, without those of the transport.
    pub bytes: u64,
    /// Alerts with text that was not UTF-8, of those that were read.
    pub lossy: u64,
    /// Messages that were no alert, of those that were read; what was posted, or is a line, and is
    /// none.
    pub undecodable: u64,
    /// Requests that were refused where alerts are posted: not HTTP, not POST, too large, too slow;
    /// and lines that were too long.
    pub refused: u64,
    /// Lines that are no alerts and were passed over: of Falco's log, of other programs.
    pub skipped: u64,
    /// Alerts that [`Config::overflow`](crate::Config::overflow) dropped, unread.
    pub dropped: u64,
    /// Requests for alerts that were sent to Falco, a call of `get` included.
    pub requests: u64,
    /// How often a subscription was made again after one that had stood.
    pub reconnects: u64,
    /// When the last alert came.
    pub last_alert: Option<SystemTime>,
}

/// Each is written by one thread at a time.
#[derive(Default)]
pub(crate) struct Tally {
    alerts: AtomicU64,
    bytes: AtomicU64,
    lossy: AtomicU64,
    undecodable: AtomicU64,
    refused: AtomicU64,
    skipped: AtomicU64,
    dropped: AtomicU64,
    requests: AtomicU64,
    reconnects: AtomicU64,
    /// In nanoseconds since the epoch; 0 for none.
    last_alert: AtomicU64,
}

impl Tally {
    pub(crate) fn read(&self) -> Counters {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let last = Duration::from_nanos(get(&self.last_alert));
        // Before those that came, of which they are a part.
        let dropped = get(&self.dropped);
        Counters {
            alerts: get(&self.alerts),
            bytes: get(&self.bytes),
            lossy: get(&self.lossy),
            undecodable: get(&self.undecodable),
            refused: get(&self.refused),
            skipped: get(&self.skipped),
            dropped,
            requests: get(&self.requests),
            reconnects: get(&self.reconnects),
            last_alert: (!last.is_zero()).then(|| UNIX_EPOCH + last),
        }
    }

    pub(crate) fn came(&self, bytes: usize) {
        add(&self.alerts, 1);
        add(&self.bytes, bytes as u64);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = now.unwrap_or_default().as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.last_alert.store(nanos, Ordering::Relaxed);
    }

    pub(super) fn lossy(&self) {
        add(&self.lossy, 1);
    }

    /// By a reader of messages, or by a source of lines.
    pub(crate) fn undecodable(&self) {
        add(&self.undecodable, 1);
    }

    /// By any of the threads of a source.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn skipped(&self) {
        add(&self.skipped, 1);
    }

    pub(super) fn dropped(&self, alerts: u64) {
        add(&self.dropped, alerts);
    }

    pub(crate) fn requested(&self) {
        add(&self.requests, 1);
    }

    pub(crate) fn reconnected(&self) {
        add(&self.reconnects, 1);
    }
}

/// Without the cost of an atomic addition, as nobody else writes.
fn add(count: &AtomicU64, more: u64) {
    let count_now = count.load(Ordering::Relaxed);
    count.store(count_now.wrapping_add(more), Ordering::Relaxed);
}
