//! What keeps the alerts of a spool: memory, or a database on disk.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::cursor::Cursor;
use super::entry::{Incoming, Stored};
use crate::error::Cause;
use crate::position::Position;

/// What a message costs in addition to its bytes, so that empty messages are bounded too.
pub(super) const OVERHEAD: u64 = 64;

/// Keeps alerts by number. The numbers are ascending without a gap, and only the lowest are removed.
pub(super) trait Store: Send {
    /// Stores all of a batch or nothing.
    fn store(&mut self, batch: &Batch<'_>) -> Result<Removed, StoreError>;

    /// Stores what was confirmed, and removes the alerts that are free. Returns what was removed.
    fn confirm(&mut self, confirmed: &Confirmed) -> Result<Sum, StoreError>;

    /// Whether it takes a transaction to store something, and to read it.
    fn is_on_disk(&self) -> bool {
        false
    }

    /// What is stored after this number, in order.
    fn read(&mut self, after: u64, limit: Limit) -> Result<Vec<Stored>, StoreError>;

    /// Keeps the number of an alert that is lost, and nothing else of it.
    fn bury(&mut self, number: u64) -> Result<(), StoreError>;

    /// Whether what is stored is where the next start finds it.
    fn is_in_place(&mut self) -> bool;

    /// Stores everything anew, in the place where the next start finds it: what can be read of it, and
    /// of the rest what is given.
    fn rebuild(&mut self, known: &Known<'_>) -> Result<Rebuilt, StoreError>;

    /// Syncs everything to where it stays.
    fn finish(&mut self) {}

    /// Gives back some space that is no longer used. Returns whether there is more.
    fn shrink(&mut self) -> Result<bool, StoreError>;
}

/// What is known of the contents of a store without reading it.
pub(super) struct Known<'a> {
    /// What is stored is damaged, and not only in another place.
    pub is_damaged: bool,
    /// Everything up to this number has left it. None where that is not known.
    pub gone: Option<u64>,
    /// The last number that was given to an alert.
    pub last: u64,
    /// Up to which number each sink has confirmed.
    pub sinks: Vec<(&'a str, u64)>,
    pub positions: &'a HashMap<Arc<str>, Position>,
}

/// What has become of a store that was built anew.
#[derive(Default)]
pub(super) struct Rebuilt {
    pub held: Sum,
    /// Alerts that could not be read.
    pub lost: u64,
    /// There may have been others, of which nothing is known.
    pub may_have_more: bool,
    /// Where what was there before is, if it was kept.
    pub set_aside: Option<PathBuf>,
}

/// Why a store could not do something. It is unchanged, and the same may succeed later.
#[derive(Debug)]
pub(super) struct StoreError {
    /// The kind of failure: each is reported once.
    pub code: i32,
    /// What is stored is damaged.
    pub is_damage: bool,
    pub cause: Cause,
}

impl StoreError {
    pub(super) fn new(code: i32, problem: String) -> StoreError {
        StoreError {
            code,
            is_damage: false,
            cause: problem.into(),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

/// What sinks have confirmed.
pub(super) struct Confirmed {
    /// Up to which number.
    pub sinks: Vec<(Arc<str>, u64)>,
    /// All sinks have everything up to this number.
    pub free: u64,
}

/// What was removed for a batch.
#[derive(Clone, Copy, Default)]
pub(super) struct Removed {
    /// As all sinks have it.
    pub free: Sum,
    /// To make room.
    pub evicted: Sum,
}

pub(super) struct Batch<'a> {
    /// Stored together with it, and first.
    pub confirmed: Option<Confirmed>,
    /// The oldest alerts are removed first, until they have freed this number of bytes.
    pub make_room: u64,
    /// The number of the first alert.
    pub first: u64,
    pub alerts: Vec<&'a Incoming>,
    /// Where the sources go on afterwards.
    pub positions: HashMap<&'a Arc<str>, Position>,
}

/// A number of alerts, and the bytes that they cost.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    pub alerts: u64,
    pub bytes: u64,
}

impl Sum {
    pub(super) fn add(&mut self, message: usize) {
        self.alerts += 1;
        self.bytes += cost(message);
    }

    pub(super) fn subtract(&mut self, other: Sum) {
        self.alerts = self.alerts.saturating_sub(other.alerts);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }
}

/// What a message of this length costs.
pub(super) fn cost(message: usize) -> u64 {
    message as u64 + OVERHEAD
}

/// How much is read at once.
pub(super) struct Limit {
    pub alerts: usize,
    bytes: usize,
    begun: bool,
}

impl Limit {
    pub(super) fn new(alerts: usize, bytes: usize) -> Limit {
        Limit {
            alerts: alerts.max(1),
            bytes,
            begun: false,
        }
    }

    /// Counts one more message, if it fits. The first always does.
    pub(super) fn admits(&mut self, message: usize) -> bool {
        if self.begun && (self.alerts == 0 || message > self.bytes) {
            return false;
        }
        self.begun = true;
        self.alerts = self.alerts.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(message);
        true
    }
}

/// What a store holds when it is opened.
pub(super) struct StoreContents {
    pub held: Sum,
    /// The last number that was given.
    pub last: u64,
    pub cursors: Vec<Cursor>,
    pub positions: HashMap<Arc<str>, Position>,
    /// Alerts after the last one that were stored and are not there.
    pub missing: u64,
}
