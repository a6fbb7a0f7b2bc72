//! What a worker has taken out of the spool and not confirmed.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Reason;
use crate::relay::spool::Entry;

#[derive(Default)]
pub(super) struct InHand {
    /// Alerts that were refused since the sink has last taken one, and those that it fails on.
    suspects: Vec<(Entry, Reason)>,
    /// Of all suspects.
    suspect_bytes: usize,
    /// The sink has taken an alert with this number. If one before it is refused again, the fault is
    /// in the alert.
    taken: u64,
    untried: VecDeque<Entry>,
    /// When the first of the untried ones was taken out, and the last.
    first_added: Option<Instant>,
    last_added: Option<Instant>,
    /// The last number that was taken out.
    last: u64,
    /// Alerts that the sink has failed on since it has last taken them.
    failing: BTreeMap<u64, Failing>,
    /// Alerts that the sink has failed on often enough that others are tried before them, and how often
    /// it has since then. Another one that fails acquits them.
    doubted: BTreeMap<u64, Doubt>,
}

/// An alert that the sink may be failing on, while it takes others.
struct Doubt {
    /// How often the sink has taken another one after it had failed on this. What follows the first time
    /// counts.
    others_taken: u32,
    /// It has failed since it has last taken another one.
    failed_since: bool,
    failing: Failing,
}

/// Since when an alert fails, and how often it has.
struct Failing {
    since: Instant,
    last: Instant,
    /// How long the last attempt took.
    took: Duration,
    times: u32,
}

/// A failure, as far as it tells whether an alert is at fault.
#[derive(Clone, Copy)]
pub(super) struct FailedTry {
    /// How long it took.
    pub took: Duration,
    /// The sink did not answer.
    pub timed_out: bool,
}

/// An alert that fails so often and so long is tried after the others; one that then does so again, while
/// the sink takes others, is at fault.
const STUCK: (u32, Duration) = (5, Duration::from_secs(5));

/// How many failures an attempt counts for that the sink has not answered: all other alerts wait meanwhile.
const TIMED_OUT: u32 = 3;

/// How often the sink must have taken another alert between its failures on one that is at fault: a sink
/// that goes down again at once has not failed on an alert.
const OTHERS_TAKEN: u32 = 2;

/// How long a doubted alert is not tried again, while the sink takes others; longer where an attempt takes
/// longer.
const DOUBT_PAUSE: Duration = Duration::from_secs(1);

impl Failing {
    fn new() -> Failing {
        let now = Instant::now();
        Failing {
            since: now,
            last: now,
            took: Duration::ZERO,
            times: 0,
        }
    }

    /// Counts from now on.
    fn restart(&mut self) {
        (self.since, self.times) = (Instant::now(), 0);
    }

    fn again(&mut self, attempt: FailedTry) {
        let count = if attempt.timed_out { TIMED_OUT } else { 1 };
        self.times = self.times.saturating_add(count);
        self.last = Instant::now();
        self.took = attempt.took;
    }

    fn is_due(&self) -> bool {
        self.last.elapsed() >= DOUBT_PAUSE.max(self.took)
    }

    fn is_stuck(&self) -> bool {
        let (most, time) = STUCK;
        self.times >= most && self.since.elapsed() >= time
    }
}

impl InHand {
    pub(super) fn add(&mut self, entries: Vec<Entry>) {
        if let Some(last) = entries.last() {
            self.last = last.number;
        }
        self.last_added = Some(Instant::now());
        if self.untried.is_empty() {
            self.first_added = self.last_added;
        }
        self.untried.extend(entries);
    }

    pub(super) fn has_untried(&self) -> bool {
        !self.untried.is_empty()
    }

    /// Since when the first of the untried ones waits for others.
    pub(super) fn waits_since(&self) -> Instant {
        self.first_added.unwrap_or_else(Instant::now)
    }

    /// How many alerts are untried, and how many bytes.
    pub(super) fn untried_size(&self) -> (usize, usize) {
        let bytes = self.untried.iter().map(|entry| entry.bytes.len()).sum();
        (self.untried.len(), bytes)
    }

    pub(super) fn untried(&mut self, most: usize) -> &[Entry] {
        let untried = self.untried.make_contiguous();
        untried.get(..most).unwrap_or(untried)
    }

    /// The first ones of those that were untried.
    pub(super) fn take_tried(&mut self, count: usize) -> Vec<Entry> {
        let count = count.min(self.untried.len());
        // Those that are left mostly came with the last.
        self.first_added = self.last_added;
        self.untried.drain(..count).collect()
    }

    pub(super) fn suspects(&self) -> &[(Entry, Reason)] {
        &self.suspects
    }

    /// How many suspects there are, and how many bytes.
    pub(super) fn suspects_size(&self) -> (usize, usize) {
        (self.suspects.len(), self.suspect_bytes)
    }

    /// How many suspects there are that are not doubted.
    pub(super) fn undoubted(&self) -> usize {
        let of = |(entry, _): &&(Entry, Reason)| !self.doubted.contains_key(&entry.number);
        self.suspects.iter().filter(of).count()
    }

    pub(super) fn suspect(&mut self, entry: Entry, reason: Reason) {
        self.suspect_bytes += entry.bytes.len();
        self.suspects.push((entry, reason));
    }

    /// Makes suspects the next to be tried, with no judgement on them: as many as this, those first that
    /// were tried longest ago. More are tried again once the sink takes one.
    pub(super) fn retry_suspects(&mut self, most: usize) {
        self.taken = 0;
        let count = most.min(self.suspects.len());
        let oldest = self.suspects.drain(..count).collect();
        self.requeue(oldest);
    }

    /// As [`retry_suspects`](InHand::retry_suspects), but those that are doubted stay behind the others:
    /// the sink may be down because of them.
    pub(super) fn retry_others(&mut self) {
        self.taken = 0;
        let doubted = &self.doubted;
        let is_doubted = |(entry, _): &(Entry, Reason)| doubted.contains_key(&entry.number);
        let suspects = std::mem::take(&mut self.suspects).into_iter();
        let (doubted, others): (Vec<_>, _) = suspects.partition(is_doubted);
        self.requeue(others);
        self.suspects = doubted;
        if self.untried.is_empty() {
            self.retry_suspects(usize::MAX);
        }
    }

    /// How many alerts are tried after the others, as the sink may be failing on them.
    pub(super) fn held_back(&self) -> u64 {
        self.doubted.len() as u64
    }

    /// The sink has taken the alert with this number: it takes alerts, at least by now.
    pub(super) fn taken(&mut self, number: u64) {
        self.doubted.remove(&number);
        self.failing.remove(&number);
        for doubt in self.doubted.values_mut().filter(|one| one.failed_since) {
            if doubt.others_taken == 0 {
                doubt.failing.restart();
            }
            doubt.others_taken = doubt.others_taken.saturating_add(1);
            doubt.failed_since = false;
        }
        if self.suspects.is_empty() {
            return;
        }
        self.taken = number;
        let doubted = &self.doubted;
        let is_due = |(entry, _): &(Entry, Reason)| {
            let doubt = doubted.get(&entry.number);
            doubt.is_none_or(|doubt| doubt.failing.is_due())
        };
        let suspects = std::mem::take(&mut self.suspects).into_iter();
        let (due, rest): (Vec<_>, _) = suspects.partition(is_due);
        self.suspects = rest;
        self.requeue(due);
    }

    /// The sink has failed on this alert. Returns whether that may be the fault of the alert: then
    /// others are to be tried before it.
    pub(super) fn is_stuck_at(&mut self, number: u64, attempt: FailedTry) -> bool {
        if let Some(doubt) = self.doubted.get_mut(&number) {
            doubt.failing.again(attempt);
            doubt.failed_since = true;
            return true;
        }
        let failing = self.failing.entry(number).or_insert_with(Failing::new);
        let began = Instant::now().checked_sub(attempt.took);
        failing.since = failing.since.min(began.unwrap_or(failing.since));
        failing.again(attempt);
        if failing.is_stuck() {
            let mut doubt = Doubt {
                others_taken: 0,
                failed_since: true,
                failing: Failing::new(),
            };
            doubt.failing.took = attempt.took;
            self.doubted.insert(number, doubt);
            self.failing.remove(&number);
            return true;
        }
        // Beside those that are doubted: the next ones show whether the sink fails on all.
        !self.doubted.is_empty()
    }

    /// Whether that an alert was refused, or failed on, is its own fault.
    pub(super) fn is_at_fault(&self, entry: &Entry, reason: &Reason) -> bool {
        match reason {
            Reason::NoAlert(_) => true,
            Reason::Answer { .. } => entry.number < self.taken,
            Reason::Failed(_) => self.doubted.get(&entry.number).is_some_and(|doubt| {
                doubt.others_taken >= OTHERS_TAKEN && doubt.failing.is_stuck()
            }),
        }
    }

    /// An alert is given up.
    pub(super) fn given_up(&mut self, number: u64) {
        self.doubted.remove(&number);
    }

    /// What was suspected is to be tried again, in its turn.
    fn requeue(&mut self, suspects: Vec<(Entry, Reason)>) {
        for (entry, _) in suspects {
            self.suspect_bytes = self.suspect_bytes.saturating_sub(entry.bytes.len());
            self.untried.push_front(entry);
        }
        let untried = self.untried.make_contiguous();
        untried.sort_by_key(|entry| entry.number);
    }

    /// Everything up to this number is delivered or given up.
    pub(super) fn settled(&self) -> u64 {
        let suspect = self.suspects.iter().map(|(entry, _)| entry.number).min();
        let untried = self.untried.iter().map(|entry| entry.number).min();
        match suspect.into_iter().chain(untried).min() {
            Some(first) => first.saturating_sub(1),
            None => self.last,
        }
    }
}
