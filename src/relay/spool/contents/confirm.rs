//! What the sinks of a spool have confirmed, and what is free therefore.

use super::Contents;
use crate::relay::spool::condition::Trouble;
use crate::relay::spool::cursor::Cursor;
use crate::relay::spool::store::{Confirmed, Sum};

impl Contents {
    /// The sink has delivered everything up to this number. Returns how many alerts that are.
    pub(in crate::relay::spool) fn confirm(&mut self, sink: usize, number: u64) -> u64 {
        // What is not there yet cannot have been delivered.
        let number = number.min(self.last);
        match self.cursors.get_mut(sink) {
            Some(cursor) if cursor.confirmed < number => {
                self.unsettled = true;
                cursor.confirm(number)
            }
            _ => 0,
        }
    }

    /// Whether what is confirmed can wait a moment for the next alerts, with which it is stored at less
    /// cost. Not while its room is needed.
    pub(in crate::relay::spool) fn may_defer(&self) -> bool {
        self.store.is_on_disk() && !self.intake_closed && self.condition.now == Trouble::default()
    }

    /// Stores what was confirmed, and removes what all sinks have. Returns whether that has freed
    /// room. Where it fails it is done later, and the sinks go on meanwhile.
    pub(in crate::relay::spool) fn settle(&mut self) -> bool {
        let Some(confirmed) = self.confirmed() else {
            return false;
        };
        match self.store.confirm(&confirmed) {
            Ok(gone) => self.settled(&confirmed, gone),
            Err(error) => {
                self.failures
                    .report("what was delivered cannot be recorded", &error);
                // Stored anew, it has what was confirmed. What is free is removed the next time.
                self.repair(&error);
                false
            }
        }
    }

    /// What was confirmed and is not stored.
    pub(super) fn confirmed(&self) -> Option<Confirmed> {
        let changed = |cursor: &&Cursor| cursor.confirmed != cursor.written;
        let sinks = self.cursors.iter().filter(changed);
        let behind = self.cursors.iter().map(|cursor| cursor.confirmed).min();
        self.unsettled.then(|| Confirmed {
            sinks: sinks
                .map(|cursor| (cursor.name.clone(), cursor.confirmed))
                .collect(),
            free: behind.unwrap_or(0).max(self.gone),
        })
    }

    /// Notes that it was stored, and what was removed. Returns whether that has freed room.
    pub(super) fn settled(&mut self, confirmed: &Confirmed, gone: Sum) -> bool {
        self.held.subtract(gone);
        self.gone = confirmed.free;
        self.recent.forget(confirmed.free);
        self.unsettled = false;
        for cursor in &mut self.cursors {
            cursor.written = cursor.confirmed;
        }
        gone.alerts > 0
    }
}
