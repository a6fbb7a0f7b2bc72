//! The counters of a sequence, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The counters of a sequence of alerts, for metrics. They never decrease, but for `partitions` and `lag`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Alerts that were received from Falco, read or not.
    pub alerts: u64,
    /// Their bytes, without those of the transport.
    pub bytes: u64,
    /// Alerts with text that was not UTF-8, of those that were read.
    pub lossy: u64,
    /// Messages that are not alerts, of those that were read; and posted bodies and lines that are not
    /// alerts.
    pub undecodable: u64,
    /// Refused requests, where alerts are posted: not HTTP, not POST, too large or too slow; and lines
    /// that were too long.
    pub refused: u64,
    /// Those of the refused requests that had no token, or another than
    /// [`Config::token`](crate::Config::token).
    pub unauthorized: u64,
    /// Lines that are not alerts and were skipped: from Falco's log or other programs.
    pub skipped: u64,
    /// How often reading a file could not continue where it ended, so that alerts may be missing; and how
    /// often entries of a log were gone before they were read.
    pub gaps: u64,
    /// Posts that have waited for more than 2 s, as alerts were not taken fast enough: meanwhile, all
    /// outputs of their Falco wait.
    pub held: u64,
    /// Alerts that were dropped unread, by [`Config::overflow`](crate::Config::overflow).
    pub dropped: u64,
    /// Requests for alerts that were sent to Falco, including the call of `get`.
    pub requests: u64,
    /// How often a subscription was made again after one that was established.
    pub reconnects: u64,
    /// How often the group of a reader of Kafka has divided the partitions, the first time included.
    pub rebalances: u64,
    /// The partitions of Kafka that this reader has now. None for other sources.
    pub partitions: Option<u64>,
    /// Alerts of a log that are not read yet, as of some seconds ago: those in the partitions of Kafka that
    /// this reader has, those of the whole group of Redis. None where that is not known, as before Redis 7,
    /// and for other sources.
    pub lag: Option<u64>,
    /// When the last alert was received.
    pub last_alert: Option<SystemTime>,
}

/// The counters while a sequence runs. Each is written by one thread at a time.
#[derive(Default)]
pub(crate) struct LiveCounters {
    alerts: AtomicU64,
    bytes: AtomicU64,
    lossy: AtomicU64,
    undecodable: AtomicU64,
    refused: AtomicU64,
    unauthorized: AtomicU64,
    skipped: AtomicU64,
    gaps: AtomicU64,
    held: AtomicU64,
    dropped: AtomicU64,
    requests: AtomicU64,
    reconnects: AtomicU64,
    rebalances: AtomicU64,
    partitions: AtomicOption,
    lag: AtomicOption,
    /// In nanoseconds since the epoch; 0 for none.
    last_alert: AtomicU64,
}

impl LiveCounters {
    pub(crate) fn snapshot(&self) -> Counters {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let last = Duration::from_nanos(get(&self.last_alert));
        // Read before those that were received, of which they are a part.
        let dropped = get(&self.dropped);
        Counters {
            alerts: get(&self.alerts),
            bytes: get(&self.bytes),
            lossy: get(&self.lossy),
            undecodable: get(&self.undecodable),
            refused: get(&self.refused),
            unauthorized: get(&self.unauthorized),
            skipped: get(&self.skipped),
            gaps: get(&self.gaps),
            held: get(&self.held),
            dropped,
            requests: get(&self.requests),
            reconnects: get(&self.reconnects),
            rebalances: get(&self.rebalances),
            partitions: self.partitions.get(),
            lag: self.lag.get(),
            last_alert: (!last.is_zero()).then(|| UNIX_EPOCH + last),
        }
    }

    pub(crate) fn received(&self, bytes: usize) {
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

    /// By a reader of messages, or by any of the threads of a source.
    pub(crate) fn undecodable(&self) {
        self.undecodable.fetch_add(1, Ordering::Relaxed);
    }

    /// By any of the threads of a source.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unauthorized(&self) {
        self.unauthorized.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn skipped(&self) {
        add(&self.skipped, 1);
    }

    pub(crate) fn gap(&self) {
        add(&self.gaps, 1);
    }

    pub(crate) fn held(&self, posts: u64) {
        add(&self.held, posts);
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

    #[cfg(feature = "kafka")]
    pub(crate) fn rebalanced(&self) {
        add(&self.rebalances, 1);
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn set_partitions(&self, count: usize) {
        self.partitions.set(Some(count as u64));
    }

    #[cfg(any(feature = "kafka", feature = "redis"))]
    pub(crate) fn set_lag(&self, lag: Option<u64>) {
        self.lag.set(lag);
    }
}

/// One more than the number; 0 for none.
#[derive(Default)]
struct AtomicOption(AtomicU64);

impl AtomicOption {
    fn get(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }

    #[cfg(any(feature = "kafka", feature = "redis"))]
    fn set(&self, number: Option<u64>) {
        let stored = number.map_or(0, |number| number.saturating_add(1));
        self.0.store(stored, Ordering::Relaxed);
    }
}

/// Avoids the cost of an atomic addition, as no other thread writes.
fn add(count: &AtomicU64, more: u64) {
    let count_now = count.load(Ordering::Relaxed);
    count.store(count_now.wrapping_add(more), Ordering::Relaxed);
}
