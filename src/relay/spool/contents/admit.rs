//! Takes alerts into a spool.

use super::Contents;
use crate::config::Overflow;
use crate::relay::spool::entry::Incoming;
use crate::relay::spool::group::{Put, PutOutcome};
use crate::relay::spool::store::{cost, Batch, StoreError, Sum};

impl Contents {
    /// Stores what was put, in one transaction: as much as begins within `room`, if that is limited.
    /// Returns whether there was room for all.
    pub(in crate::relay::spool) fn admit(
        &mut self,
        puts: &mut [Put],
        room: Option<u64>,
        capacity: u64,
        overflow: Overflow,
    ) -> bool {
        let (mut bytes, mut fits) = (0, true);
        let mut admitted = Vec::new();
        for put in puts {
            // What is stored already waits only until it is where the next start finds it.
            fits &= put.alerts.is_empty() || room.is_none_or(|room| bytes < room);
            match put.alerts.is_empty() || fits {
                true => {
                    bytes += put.cost();
                    admitted.push(put);
                }
                false => put.outcome = PutOutcome::Full,
            }
        }
        let stored = self.admit_all(admitted, capacity, overflow);
        // Only now is it known that it is not in a file which was removed meanwhile.
        match self.secure() {
            Ok(()) => {
                if !stored.is_empty() {
                    self.note_stored();
                }
                for put in stored {
                    put.outcome = PutOutcome::Stored;
                }
            }
            Err(error) => self.failures.report("alerts cannot be stored", &error),
        }
        fits
    }

    /// Stores all or, where that fails, each on its own, since one of them may be the cause. Returns those
    /// of which nothing is left to store.
    fn admit_all<'a>(
        &mut self,
        puts: Vec<&'a mut Put>,
        capacity: u64,
        overflow: Overflow,
    ) -> Vec<&'a mut Put> {
        let alerts: Vec<_> = puts.iter().flat_map(|put| &put.alerts).collect();
        let is_stored = match self.admit_alerts(&alerts, capacity, overflow) {
            Ok(()) => vec![true; puts.len()],
            Err(_) if puts.len() > 1 => {
                let each = puts.iter().map(|put| {
                    let alerts: Vec<_> = put.alerts.iter().collect();
                    self.admit_alerts(&alerts, capacity, overflow).is_ok()
                });
                each.collect()
            }
            Err(_) => vec![false],
        };
        let puts = puts.into_iter().zip(is_stored);
        puts.filter_map(|(put, is_stored)| {
            if is_stored {
                put.alerts.clear();
            }
            is_stored.then_some(put)
        })
        .collect()
    }

    /// Stores the alerts, or what the overflow policy leaves of them.
    fn admit_alerts(
        &mut self,
        alerts: &[&Incoming],
        capacity: u64,
        overflow: Overflow,
    ) -> Result<(), StoreError> {
        if alerts.is_empty() {
            return Ok(());
        }
        let dropped = self.rejected + self.evicted;
        if let Err(error) = self.try_admit(alerts, capacity, overflow) {
            self.failures.report("alerts cannot be stored", &error);
            self.condition.begin_failing(&error);
            return Err(error);
        }
        match dropped == self.rejected + self.evicted {
            true => self.condition.end_full(self.held),
            false => self.condition.begin_full(self.held),
        }
        Ok(())
    }

    fn try_admit(
        &mut self,
        alerts: &[&Incoming],
        capacity: u64,
        overflow: Overflow,
    ) -> Result<(), StoreError> {
        let (kept, make_room) = match overflow {
            Overflow::Wait => (alerts.to_vec(), 0),
            Overflow::DropNewest => (self.that_fit(alerts, capacity), 0),
            Overflow::DropOldest => self.newest(alerts, capacity),
        };
        let positions = alerts
            .iter()
            .filter_map(|alert| Some((&alert.endpoint, *alert.message.position.as_deref()?)))
            .collect();
        let mut batch = Batch {
            confirmed: self.confirmed(),
            make_room,
            first: self.last + 1,
            alerts: kept,
            positions,
        };
        let removed = match self.store.store(&batch) {
            Err(error) if self.repair(&error) => self.store.store(&batch),
            stored => stored,
        };
        let removed = match removed {
            // What was confirmed may be the cause. It can wait.
            Err(_) if batch.confirmed.take().is_some() => self.store.store(&batch),
            removed => removed,
        }?;
        if let Some(confirmed) = &batch.confirmed {
            self.settled(confirmed, removed.free);
        }
        self.evict(removed.evicted);
        for (number, alert) in (batch.first..).zip(&batch.alerts) {
            self.held.add(alert.message.bytes.len());
            if self.store.is_on_disk() {
                self.recent.add(alert.entry(number));
            }
        }
        let stored = batch.alerts.len() as u64;
        self.last += stored;
        self.stored += stored;
        self.rejected += alerts.len() as u64 - stored;
        for (source, position) in batch.positions {
            self.positions.insert(source.clone(), position);
        }
        Ok(())
    }

    /// Those for which there is room. An empty spool has room for one.
    fn that_fit<'a>(&self, alerts: &[&'a Incoming], capacity: u64) -> Vec<&'a Incoming> {
        let mut sum = self.held;
        let mut fits = |alert: &&Incoming| {
            let message = alert.message.bytes.len();
            let fits = sum.alerts == 0 || sum.bytes.saturating_add(cost(message)) <= capacity;
            if fits {
                sum.add(message);
            }
            fits
        };
        alerts.iter().copied().filter(|alert| fits(alert)).collect()
    }

    /// The newest for which there can be room, at least one, and how many bytes have to be freed.
    fn newest<'a>(&self, alerts: &[&'a Incoming], capacity: u64) -> (Vec<&'a Incoming>, u64) {
        let costs = alerts.iter().map(|alert| cost(alert.message.bytes.len()));
        let mut incoming: u64 = costs.sum();
        let mut newest = alerts;
        while let [oldest, rest @ ..] = newest {
            if incoming <= capacity || rest.is_empty() {
                break;
            }
            incoming -= cost(oldest.message.bytes.len());
            newest = rest;
        }
        let make_room = (self.held.bytes + incoming).saturating_sub(capacity);
        (newest.to_vec(), make_room)
    }

    /// Counts as dropped what the oldest, which were removed to make room, were to a sink.
    fn evict(&mut self, removed: Sum) {
        let last = self.gone + removed.alerts;
        let gone = std::mem::replace(&mut self.gone, last);
        let dropped = self.cursors.iter_mut();
        let dropped = dropped.map(|cursor| cursor.drop_after(gone, last)).max();
        self.evicted += dropped.unwrap_or(0);
        self.held.subtract(removed);
        self.recent.forget(last);
    }
}
