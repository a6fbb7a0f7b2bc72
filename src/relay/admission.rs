//! Which alerts go into the spool.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::event_counts::EventCounts;
use crate::alert::Alert;
use crate::delivery::Message;

/// Whether an alert is to be forwarded.
#[derive(Clone)]
pub(super) struct Filter(pub Arc<dyn Fn(&Alert) -> bool + Send + Sync>);

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}

#[derive(Default)]
pub(super) struct Admission {
    pub filter: Option<Filter>,
    /// Those of the sinks, where each has one: what none wants is not stored.
    pub sinks: Vec<Filter>,
    pub counts: Option<EventCounts>,
    filtered: AtomicU64,
}

impl Admission {
    pub(super) fn new(
        filter: Option<Filter>,
        sinks: Vec<Filter>,
        counts: Option<EventCounts>,
    ) -> Admission {
        Admission {
            filter,
            sinks,
            counts,
            filtered: AtomicU64::new(0),
        }
    }

    /// Counts a message, and says whether it is to be forwarded. What is no alert is.
    pub(super) fn admits(&self, message: &Message) -> bool {
        if self.filter.is_none() && self.sinks.is_empty() && self.counts.is_none() {
            return true;
        }
        match Alert::read(message.bytes.clone(), message.format) {
            Ok(alert) => self.admits_alert(&alert),
            Err(_) => true,
        }
    }

    pub(super) fn admits_alert(&self, alert: &Alert) -> bool {
        if let Some(counts) = &self.counts {
            counts.count(alert);
        }
        let admits = |Filter(admits): &Filter| admits(alert);
        let admitted = self.filter.as_ref().is_none_or(admits)
            && (self.sinks.is_empty() || self.sinks.iter().any(admits));
        if !admitted {
            self.filtered.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Alerts that the filters have left out.
    pub(super) fn filtered(&self) -> u64 {
        self.filtered.load(Ordering::Relaxed)
    }
}
