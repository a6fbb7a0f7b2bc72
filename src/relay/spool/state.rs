//! What a spool holds and who has what of it, whatever it is stored in.

use std::collections::HashMap;
use std::sync::Arc;

use super::failures::Failures;
use super::{Entry, Incoming, OVERHEAD};
use crate::config::Overflow;
use crate::delivery::Position;

/// What keeps the alerts. The numbers are given by the [`State`], in ascending order.
pub(super) trait Store: Send {
    /// Stores all of a batch or nothing. Tells what was removed to make room.
    fn store(&mut self, batch: &Batch<'_>) -> rusqlite::Result<Sum>;

    /// Keeps how far these sinks are, and removes what stands up to `free`. Tells how much.
    fn confirm(&mut self, sinks: &[(&str, u64)], free: u64) -> rusqlite::Result<Sum>;

    fn read(&mut self, after: u64, limit: Limit) -> rusqlite::Result<Vec<Entry>>;
}

pub(super) struct Batch<'a> {
    /// The oldest that cost so many bytes are removed before.
    pub(super) make_room: u64,
    /// The number of the first alert.
    pub(super) first: u64,
    pub(super) alerts: Vec<&'a Incoming>,
    /// Where the sources go on afterwards.
    pub(super) positions: HashMap<&'a Arc<str>, Position>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) alerts: u64,
    pub(super) bytes: u64,
}

impl Sum {
    pub(super) fn add(&mut self, message: usize) {
        self.alerts += 1;
        self.bytes += cost(message);
    }

    fn less(&mut self, gone: Sum) {
        self.alerts = self.alerts.saturating_sub(gone.alerts);
        self.bytes = self.bytes.saturating_sub(gone.bytes);
    }
}

fn cost(message: usize) -> u64 {
    message as u64 + OVERHEAD
}

/// How much one answer may hold.
pub(super) struct Limit {
    pub(super) most: usize,
    bytes: usize,
    begun: bool,
}

impl Limit {
    /// Counts one more message, if it fits. The first does.
    pub(super) fn admits(&mut self, message: usize) -> bool {
        if self.begun && (self.most == 0 || message > self.bytes) {
            return false;
        }
        self.begun = true;
        self.most = self.most.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(message);
        true
    }
}

pub(super) struct Cursor {
    pub(super) name: String,
    pub(super) confirmed: u64,
    /// As it is stored.
    pub(super) written: u64,
}

/// What was found in a store.
pub(super) struct Found {
    pub(super) held: Sum,
    /// The last number that was given.
    pub(super) last: u64,
    pub(super) cursors: Vec<Cursor>,
    pub(super) positions: HashMap<Arc<str>, Position>,
}

pub(super) struct State {
    store: Box<dyn Store>,
    pub(super) held: Sum,
    last: u64,
    /// What stands up to here was removed.
    freed: u64,
    cursors: Vec<Cursor>,
    pub(super) positions: HashMap<Arc<str>, Position>,
    pub(super) stored: u64,
    pub(super) dropped: u64,
    pub(super) intake_closed: bool,
    pub(super) closed: bool,
    /// There are confirmations that the store has not taken.
    pub(super) unsettled: bool,
    pub(super) failures: Failures,
}

impl State {
    pub(super) fn new(store: Box<dyn Store>, found: Found, failures: Failures) -> State {
        State {
            store,
            held: found.held,
            last: found.last,
            freed: 0,
            cursors: found.cursors,
            positions: found.positions,
            stored: 0,
            dropped: 0,
            intake_closed: false,
            closed: false,
            unsettled: false,
            failures,
        }
    }

    /// Stores the alerts, or what the overflow leaves of them.
    pub(super) fn admit(
        &mut self,
        alerts: &[Incoming],
        capacity: u64,
        overflow: Overflow,
    ) -> rusqlite::Result<()> {
        let mut after = self.held;
        let mut make_room = 0;
        let mut kept: Vec<&Incoming> = Vec::with_capacity(alerts.len());
        match overflow {
            Overflow::Wait => kept.extend(alerts),
            Overflow::DropNewest => {
                let mut sum = after;
                for alert in alerts {
                    let fits =
                        sum.bytes.saturating_add(cost(alert.message.bytes.len())) <= capacity;
                    if fits || sum.alerts == 0 {
                        sum.add(alert.message.bytes.len());
                        kept.push(alert);
                    }
                }
            }
            Overflow::DropOldest => {
                let mut incoming: u64 = alerts
                    .iter()
                    .map(|alert| cost(alert.message.bytes.len()))
                    .sum();
                let mut newest = alerts;
                while let [oldest, rest @ ..] = newest {
                    if incoming <= capacity || rest.is_empty() {
                        break;
                    }
                    incoming -= cost(oldest.message.bytes.len());
                    newest = rest;
                }
                kept.extend(newest);
                make_room = (after.bytes + incoming).saturating_sub(capacity);
            }
        }
        let lost = alerts.len() - kept.len();
        let positions = alerts
            .iter()
            .filter_map(|alert| Some((&alert.source, *alert.message.position.as_deref()?)))
            .collect();
        let batch = Batch {
            make_room,
            first: self.last + 1,
            alerts: kept,
            positions,
        };
        let removed = self.store.store(&batch)?;
        after.less(removed);
        for alert in &batch.alerts {
            after.add(alert.message.bytes.len());
        }
        self.held = after;
        self.last += batch.alerts.len() as u64;
        self.stored += batch.alerts.len() as u64;
        self.dropped += removed.alerts + lost as u64;
        for (source, position) in batch.positions {
            self.positions.insert(source.clone(), position);
        }
        Ok(())
    }

    pub(super) fn has_after(&self, number: u64) -> bool {
        // Only the oldest ever leave.
        self.held.alerts > 0 && self.last > number
    }

    pub(super) fn read(&mut self, after: u64, most: usize, bytes: usize) -> Option<Vec<Entry>> {
        let limit = Limit {
            most: most.max(1),
            bytes,
            begun: false,
        };
        match self.store.read(after, limit) {
            Ok(entries) => Some(entries).filter(|entries| !entries.is_empty()),
            Err(error) => {
                self.failures.tell("no alerts can be read", &error);
                None
            }
        }
    }

    pub(super) fn confirmed(&self, sink: usize) -> u64 {
        self.cursors.get(sink).map_or(0, |cursor| cursor.confirmed)
    }

    /// Tells whether that is new.
    pub(super) fn confirm(&mut self, sink: usize, number: u64) -> bool {
        // What is not there yet cannot have been delivered.
        let number = number.min(self.last);
        match self.cursors.get_mut(sink) {
            Some(cursor) if cursor.confirmed < number => {
                cursor.confirmed = number;
                self.unsettled = true;
                true
            }
            _ => false,
        }
    }

    /// Stores what was confirmed, and removes what all sinks have. Tells whether there is more
    /// room now. A sink goes on all the same when that fails.
    pub(super) fn settle(&mut self) -> bool {
        if !self.unsettled {
            return false;
        }
        let changed: Vec<(&str, u64)> = self
            .cursors
            .iter()
            .filter(|cursor| cursor.confirmed != cursor.written)
            .map(|cursor| (cursor.name.as_str(), cursor.confirmed))
            .collect();
        let behind = self.cursors.iter().map(|cursor| cursor.confirmed).min();
        let free = behind.unwrap_or(0).max(self.freed);
        match self.store.confirm(&changed, free) {
            Ok(gone) => {
                self.held.less(gone);
                self.freed = free;
                self.unsettled = false;
                for cursor in &mut self.cursors {
                    cursor.written = cursor.confirmed;
                }
                gone.alerts > 0
            }
            Err(error) => {
                self.failures
                    .tell("what was delivered cannot be noted", &error);
                false
            }
        }
    }

    pub(super) fn waiting(&self) -> Vec<u64> {
        let waiting = |cursor: &Cursor| {
            // Those before the oldest were dropped.
            (self.last.saturating_sub(cursor.confirmed)).min(self.held.alerts)
        };
        self.cursors.iter().map(waiting).collect()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.settle();
    }
}
