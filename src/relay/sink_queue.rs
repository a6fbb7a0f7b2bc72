//! The alerts of the spool that one sink is to get: those that its filter admits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::admission::Filter;
use super::progress::Progress;
use super::spool::{Entry, Spool, Taken};
use crate::alert::Alert;
use crate::util::lock::lock;

pub(super) struct SinkQueue {
    spool: Arc<Spool>,
    /// The sink's number in the spool.
    number: usize,
    filter: Option<Filter>,
    progress: Arc<Progress>,
    sifted: Mutex<Sifted>,
}

/// What the filter has seen, by the numbers of the spool.
#[derive(Default)]
struct Sifted {
    /// The last alert that it has seen, and the last that the sink was given.
    seen: u64,
    given: u64,
    confirmed: u64,
    /// Alerts that were left out and are not confirmed: the last of each run, and how many there are.
    left_out: VecDeque<(u64, u64)>,
}

impl SinkQueue {
    pub(super) fn new(
        spool: Arc<Spool>,
        number: usize,
        filter: Option<Filter>,
        progress: Arc<Progress>,
    ) -> SinkQueue {
        SinkQueue {
            spool,
            number,
            filter,
            progress,
            sifted: Mutex::default(),
        }
    }

    /// As [`Spool::take`].
    pub(super) fn take(&self, most: usize, most_bytes: usize, until: Option<Instant>) -> Taken {
        loop {
            let taken = self.spool.take(self.number, most, most_bytes, until);
            match (taken, &self.filter) {
                (Taken::Alerts(entries), Some(filter)) => {
                    let wanted = self.sift(filter, entries);
                    if !wanted.is_empty() {
                        return Taken::Alerts(wanted);
                    }
                }
                (taken, _) => return taken,
            }
        }
    }

    /// The sink has delivered everything that it was given, up to this number. Returns how many alerts
    /// that are.
    pub(super) fn confirm(&self, number: u64) -> u64 {
        if self.filter.is_none() {
            return self.spool.confirm(self.number, number);
        }
        let mut sifted = lock(&self.sifted);
        sifted.confirmed = sifted.confirmed.max(number);
        self.settle(&mut sifted)
    }

    fn sift(&self, Filter(admits): &Filter, mut entries: Vec<Entry>) -> Vec<Entry> {
        let wanted = |entry: &Entry| match Alert::read(entry.bytes.to_vec(), entry.format) {
            Ok(alert) => admits(&alert),
            // As with the filter of the whole relay.
            Err(_) => true,
        };
        let mut sifted = lock(&self.sifted);
        entries.retain(|entry| {
            let wanted = wanted(entry);
            sifted.see(entry.number, wanted);
            if !wanted {
                self.progress.add_filtered(1);
            }
            wanted
        });
        if entries.is_empty() {
            self.settle(&mut sifted);
        }
        entries
    }

    /// Confirms what is delivered or left out, without a gap. Returns how many were delivered.
    fn settle(&self, sifted: &mut Sifted) -> u64 {
        let settled = match sifted.confirmed >= sifted.given {
            true => sifted.seen,
            false => sifted.confirmed,
        };
        let mut left_out = 0;
        while let Some((last, count)) = sifted.left_out.front() {
            if *last > settled {
                break;
            }
            left_out += count;
            sifted.left_out.pop_front();
        }
        let confirmed = self.spool.confirm(self.number, settled);
        confirmed.saturating_sub(left_out)
    }
}

impl Sifted {
    fn see(&mut self, number: u64, wanted: bool) {
        self.seen = number;
        if wanted {
            self.given = number;
            return;
        }
        match self.left_out.back_mut() {
            Some((last, count)) if *last > self.given => (*last, *count) = (number, *count + 1),
            _ => self.left_out.push_back((number, 1)),
        }
    }
}
