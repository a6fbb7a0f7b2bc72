//! What a worker has taken out of the spool and not confirmed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Reason;
use crate::relay::spool::Entry;

#[derive(Default)]
pub(super) struct InHand {
    /// Alerts that were refused since the sink has last taken one. They precede the untried ones.
    suspects: Vec<(Entry, Reason)>,
    /// The sink has taken an alert with this number. If one before it is refused again, the fault is
    /// in the alert.
    taken: u64,
    untried: VecDeque<Entry>,
    /// The last number that was taken out.
    last: u64,
    /// The alert that fails, since when, and how often.
    failing: Option<(u64, Instant, u32)>,
}

/// An alert that fails so often and so long is tried after the others.
const STUCK: (u32, Duration) = (5, Duration::from_secs(5));

impl InHand {
    pub(super) fn add(&mut self, entries: Vec<Entry>) {
        if let Some(last) = entries.last() {
            self.last = last.number;
        }
        self.untried.extend(entries);
    }

    pub(super) fn has_untried(&self) -> bool {
        !self.untried.is_empty()
    }

    pub(super) fn untried(&mut self, most: usize) -> &[Entry] {
        let untried = self.untried.make_contiguous();
        untried.get(..most).unwrap_or(untried)
    }

    /// The first ones of those that were untried.
    pub(super) fn take_tried(&mut self, count: usize) -> Vec<Entry> {
        let count = count.min(self.untried.len());
        self.untried.drain(..count).collect()
    }

    pub(super) fn suspects(&self) -> &[(Entry, Reason)] {
        &self.suspects
    }

    pub(super) fn suspect(&mut self, entry: Entry, reason: Reason) {
        self.suspects.push((entry, reason));
    }

    /// Makes the suspects the next to be tried, with no judgement on them.
    pub(super) fn retry_suspects(&mut self) {
        self.taken = 0;
        self.requeue_suspects();
    }

    /// The sink has taken the alert with this number: it takes alerts, at least by now.
    pub(super) fn taken(&mut self, number: u64) {
        if !self.suspects.is_empty() {
            self.taken = number;
            self.requeue_suspects();
        }
    }

    /// The sink has failed on this alert. Returns whether that may be the fault of the alert: then
    /// others are to be tried before it.
    pub(super) fn is_stuck_at(&mut self, number: u64) -> bool {
        let (failing, since, times) = self.failing.get_or_insert((number, Instant::now(), 0));
        if *failing != number {
            (*failing, *since, *times) = (number, Instant::now(), 0);
        }
        *times += 1;
        let (most, time) = STUCK;
        *times >= most && since.elapsed() >= time
    }

    /// Whether a refusal of this alert is its own fault.
    pub(super) fn is_at_fault(&self, entry: &Entry) -> bool {
        entry.number < self.taken
    }

    fn requeue_suspects(&mut self) {
        for (entry, _) in self.suspects.drain(..).rev() {
            self.untried.push_front(entry);
        }
    }

    /// Everything up to this number is delivered or given up.
    pub(super) fn settled(&self) -> u64 {
        let suspect = self.suspects.first().map(|(entry, _)| entry);
        match suspect.or(self.untried.front()) {
            Some(first) => first.number.saturating_sub(1),
            None => self.last,
        }
    }
}
