//! What is wrong with a spool now. Its beginning and its end are logged, once each.

use std::path::PathBuf;
use std::sync::Arc;

use super::store::{StoreError, Sum};
use crate::config::Overflow;

/// What is wrong with a spool now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Trouble {
    /// It has reached its capacity.
    pub full: bool,
    /// Its disk has too little free space.
    pub disk_short: bool,
    /// Why nothing can be stored.
    pub failing: Option<Arc<str>>,
}

pub(super) struct Condition {
    path: PathBuf,
    overflow: Overflow,
    capacity: u64,
    pub(super) now: Trouble,
}

impl Condition {
    pub(super) fn new(path: PathBuf, overflow: Overflow, capacity: u64) -> Condition {
        Condition {
            path,
            overflow,
            capacity,
            now: Trouble::default(),
        }
    }

    /// Notes that an alert found no room.
    pub(super) fn begin_full(&mut self, held: Sum) {
        if !std::mem::replace(&mut self.now.full, true) {
            let consequence = match self.overflow {
                Overflow::Wait => "sources are held up until sinks have taken some",
                Overflow::DropOldest => "the oldest alerts are dropped",
                Overflow::DropNewest => "new alerts are dropped",
            };
            log::warn!(
                "spool {}: it is full with {} alerts, {} of {} bytes; {consequence}",
                self.path.display(),
                held.alerts,
                held.bytes,
                self.capacity
            );
        }
    }

    /// Notes what it holds now. It is full until an eighth is free, so that a spool that stays near its
    /// capacity does not begin to be full again and again.
    pub(super) fn end_full(&mut self, held: Sum) {
        let has_room = held.alerts == 0 || held.bytes < self.capacity - self.capacity / 8;
        if has_room && std::mem::replace(&mut self.now.full, false) {
            log::info!("spool {}: it has room again", self.path.display());
        }
    }

    pub(super) fn set_disk_short(&mut self, short: bool, held: Sum) {
        if std::mem::replace(&mut self.now.disk_short, short) == short {
            return;
        }
        let path = self.path.display();
        let consequence = match self.overflow {
            Overflow::Wait if held.alerts > 0 => {
                "sources are held up until there is space or sinks have taken all"
            }
            Overflow::Wait | Overflow::DropOldest | Overflow::DropNewest => {
                "alerts may find no space soon"
            }
        };
        match short {
            true => log::warn!(
                "spool {path}: its disk is nearly full; {} alerts are in it, and {consequence}",
                held.alerts
            ),
            false => log::info!("spool {path}: its disk has space again"),
        }
    }

    /// Notes that nothing can be stored. [`Failures`](super::failures::Failures) has logged it.
    pub(super) fn begin_failing(&mut self, error: &StoreError) {
        self.now.failing = Some(error.to_string().into());
    }

    /// Returns whether it was failing.
    pub(super) fn end_failing(&mut self) -> bool {
        let failed = self.now.failing.take().is_some();
        if failed {
            log::info!("spool {}: alerts are stored again", self.path.display());
        }
        failed
    }
}
