//! A store in memory.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use super::condition::Condition;
use super::contents::Contents;
use super::cursor::Cursor;
use super::damage::Damage;
use super::entry::{Entry, Stored};
use super::failures::Failures;
use super::store::{
    Batch, Confirmed, Known, Limit, Rebuilt, Removed, Store, StoreContents, StoreError, Sum,
};
use crate::relay::dead_letters::DeadLetters;

#[derive(Default)]
pub(super) struct Memory {
    entries: VecDeque<Entry>,
}

pub(super) fn open(sinks: usize, condition: Condition) -> Contents {
    with(Box::new(Memory::default()), sinks, condition)
}

/// A spool with an empty store that is gone with the process.
pub(super) fn with(store: Box<dyn Store>, sinks: usize, condition: Condition) -> Contents {
    let cursor = |number: usize| Cursor::new(number.to_string(), 0);
    let found = StoreContents {
        held: Sum::default(),
        last: 0,
        cursors: (0..sinks).map(cursor).collect(),
        positions: HashMap::new(),
        missing: 0,
    };
    let failures = Failures::new(PathBuf::from("in memory"));
    let damage = Damage::new(
        PathBuf::from("in memory"),
        Vec::new(),
        Arc::new(DeadLetters::new(None)),
    );
    Contents::new(store, found, failures, condition, damage)
}

impl Memory {
    /// Removes the oldest as long as `goes` says so of what is removed already and the next one.
    fn remove(&mut self, goes: impl Fn(Sum, &Entry) -> bool) -> Sum {
        let mut gone = Sum::default();
        while let Some(oldest) = self.entries.front() {
            if !goes(gone, oldest) {
                break;
            }
            gone.add(oldest.bytes.len());
            self.entries.pop_front();
        }
        gone
    }
}

impl Store for Memory {
    fn store(&mut self, batch: &Batch<'_>) -> Result<Removed, StoreError> {
        let free = match &batch.confirmed {
            Some(confirmed) => self.confirm(confirmed)?,
            None => Sum::default(),
        };
        let evicted = self.remove(|gone, _| gone.bytes < batch.make_room);
        let entries = (batch.first..).zip(&batch.alerts);
        self.entries
            .extend(entries.map(|(number, alert)| alert.entry(number)));
        Ok(Removed { free, evicted })
    }

    fn confirm(&mut self, confirmed: &Confirmed) -> Result<Sum, StoreError> {
        Ok(self.remove(|_, oldest| oldest.number <= confirmed.free))
    }

    fn read(&mut self, after: u64, mut limit: Limit) -> Result<Vec<Stored>, StoreError> {
        let start = self.entries.partition_point(|entry| entry.number <= after);
        let entries = self.entries.range(start..);
        Ok(entries
            .take_while(|entry| limit.admits(entry.bytes.len()))
            .cloned()
            .map(Stored::Alert)
            .collect())
    }

    fn bury(&mut self, _: u64) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_in_place(&mut self) -> bool {
        true
    }

    fn rebuild(&mut self, _: &Known<'_>) -> Result<Rebuilt, StoreError> {
        Err(StoreError::new(0, "memory is not stored anew".to_owned()))
    }

    fn shrink(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
}
