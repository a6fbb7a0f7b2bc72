//! What of that which comes goes into the spool.

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
    pub counts: Option<EventCounts>,
    filtered: AtomicU64,
}

impl Admission {
    pub(super) fn new(filter: Option<Filter>, counts: Option<EventCounts>) -> Admission {
        Admission {
            filter,
            counts,
            filtered: AtomicU64::new(0),
        }
    }

    /// Counts a message, and says whether it is to be forwarded. What is no alert is.
    pub(super) fn admits(&self, message: &Message) -> bool {
        if self.filter.is_none() && self.counts.is_none() {
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
        let admitted = self
            .filter
            .as_ref()
            .is_none_or(|Filter(admits)| admits(alert));
        if !admitted {
            self.filtered.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Alerts that the filter has left out.
    pub(super) fn filtered(&self) -> u64 {
        self.filtered.load(Ordering::Relaxed)
    }
}
