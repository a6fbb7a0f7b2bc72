//! What a spool holds, and what of it each sink has, whatever store keeps it.

mod admit;
mod confirm;
mod give;
mod recent;

use std::collections::HashMap;
use std::sync::Arc;

use super::condition::{Condition, Trouble};
use super::cursor::Cursor;
use super::damage::{Damage, DamageUsage};
use super::failures::Failures;
use super::store::{Known, Store, StoreContents, StoreError, Sum};
use crate::position::Position;
use recent::Recent;

/// What a spool holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    /// Alerts put in since the start.
    pub stored: u64,
    /// Alerts dropped since the start, as there was no room, which at least one sink did not get.
    pub dropped: u64,
    /// In the spool now.
    pub alerts: u64,
    pub bytes: u64,
    pub trouble: Trouble,
    pub damage: DamageUsage,
    pub sinks: Vec<SinkUsage>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SinkUsage {
    /// Alerts that it has not yet confirmed, and may still deliver.
    pub waiting: u64,
    /// Alerts dropped since the start that it did not get.
    pub dropped: u64,
}

pub(super) struct Contents {
    store: Box<dyn Store>,
    pub(super) held: Sum,
    /// The last number that was given to an alert.
    last: u64,
    /// Everything up to this number has left the store.
    gone: u64,
    cursors: Vec<Cursor>,
    recent: Recent,
    pub(super) positions: HashMap<Arc<str>, Position>,
    stored: u64,
    /// Alerts that were not stored, as there was no room. They have no number.
    rejected: u64,
    /// Alerts that were removed to make room before all sinks were given them.
    evicted: u64,
    pub(super) intake_closed: bool,
    pub(super) closed: bool,
    /// There are confirmations that the store has not taken.
    pub(super) unsettled: bool,
    pub(super) failures: Failures,
    pub(super) condition: Condition,
    pub(super) damage: Damage,
}

impl Contents {
    pub(super) fn new(
        store: Box<dyn Store>,
        found: StoreContents,
        failures: Failures,
        condition: Condition,
        damage: Damage,
    ) -> Contents {
        Contents {
            store,
            held: found.held,
            last: found.last,
            gone: found.last.saturating_sub(found.held.alerts),
            cursors: found.cursors,
            recent: Recent::default(),
            positions: found.positions,
            stored: 0,
            rejected: 0,
            evicted: 0,
            intake_closed: false,
            closed: false,
            unsettled: false,
            failures,
            condition,
            damage,
        }
    }

    /// Notes that alerts were stored, and that the next start finds them.
    pub(super) fn note_stored(&mut self) {
        if self.condition.end_failing() {
            self.failures.seen.clear();
        }
    }

    /// The last number that was given, and the one up to which all have left it.
    pub(super) fn extent(&self) -> (u64, u64) {
        (self.last, self.gone)
    }

    pub(super) fn note_room(&mut self) {
        self.condition.end_full(self.held);
    }

    pub(super) fn note_full(&mut self) {
        self.condition.begin_full(self.held);
    }

    /// Sees to it that what it holds is where the next start finds it.
    pub(super) fn secure(&mut self) -> Result<(), StoreError> {
        match self.store.is_in_place() {
            true => Ok(()),
            false => self.rebuild(false),
        }
    }

    /// Looks after the store while nothing moves. Returns whether there is more to do soon.
    pub(super) fn tend(&mut self) -> bool {
        if self.secure().is_err() {
            return false;
        }
        self.store.shrink().unwrap_or_else(|error| {
            if !self.repair(&error) {
                self.failures.report("space cannot be given back", &error);
            }
            false
        })
    }

    /// Stores everything anew.
    fn rebuild(&mut self, is_damaged: bool) -> Result<(), StoreError> {
        let begun = self.damage.begin_rebuild(match is_damaged {
            true => "its database is damaged",
            false => "its files were removed or replaced",
        });
        begun.inspect_err(|error| self.condition.begin_failing(error))?;
        let sinks = self.cursors.iter();
        let known = Known {
            is_damaged,
            gone: Some(self.gone),
            last: self.last,
            sinks: sinks
                .map(|cursor| (&*cursor.name, cursor.confirmed))
                .collect(),
            positions: &self.positions,
        };
        match self.store.rebuild(&known) {
            Ok(rebuilt) => {
                self.held = rebuilt.held;
                self.damage.end_rebuild(&rebuilt);
                self.note_stored();
                Ok(())
            }
            Err(error) => {
                self.failures.report("alerts cannot be stored", &error);
                self.condition.begin_failing(&error);
                self.damage.fail_rebuild(&error);
                Err(error)
            }
        }
    }

    /// Repairs the store where it is the cause of a failure. Returns whether to try again.
    fn repair(&mut self, error: &StoreError) -> bool {
        let is_damaged = error.is_damage;
        (is_damaged || !self.store.is_in_place()) && self.rebuild(is_damaged).is_ok()
    }

    /// No sink delivers any more of what it was given, and nothing more is stored.
    pub(super) fn release(&mut self) {
        for cursor in &mut self.cursors {
            cursor.release(self.gone);
        }
        self.finish();
    }

    /// Leaves everything as the next start needs it.
    fn finish(&mut self) {
        self.settle();
        // Where it fails, that was reported.
        if self.secure().is_ok() {
            self.store.finish();
        }
    }

    /// Whether the sinks have confirmed everything.
    pub(super) fn is_empty(&self) -> bool {
        self.held.alerts == 0 && !self.cursors.iter().any(Cursor::has_in_flight)
    }

    pub(super) fn usage(&mut self) -> Usage {
        let sink = |cursor: &Cursor| SinkUsage {
            waiting: cursor.waiting(self.gone, self.last),
            dropped: self.rejected + cursor.dropped,
        };
        let most = self.cursors.iter().map(|cursor| cursor.dropped).max();
        Usage {
            stored: self.stored,
            dropped: self.rejected + self.evicted.max(most.unwrap_or(0)),
            alerts: self.held.alerts,
            bytes: self.held.bytes,
            trouble: self.condition.now.clone(),
            damage: self.damage.usage(),
            sinks: self.cursors.iter().map(sink).collect(),
        }
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.finish();
    }
}
