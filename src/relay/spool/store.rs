//! What keeps the alerts of a spool: memory, or a database on disk.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::cursor::Cursor;
use super::entry::{Entry, Incoming};
use crate::error::Cause;
use crate::position::Position;

/// What a message costs in addition to its bytes, so that empty messages are bounded too.
pub(super) const OVERHEAD: u64 = 64;

/// Keeps alerts by number. The numbers are ascending without a gap, and only the lowest are removed.
pub(super) trait Store: Send {
    /// Sees to it that what is stored is where the next start finds it.
    fn tend(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Stores all of a batch or nothing. Returns what was removed to make room.
    fn store(&mut self, batch: &Batch<'_>) -> Result<Sum, StoreError>;

    /// Stores up to which number these sinks have confirmed, and removes the alerts up to `free`.
    /// Returns what was removed.
    fn confirm(&mut self, sinks: &[(&str, u64)], free: u64) -> Result<Sum, StoreError>;

    /// The alerts after this number, in order.
    fn read(&mut self, after: u64, limit: Limit) -> Result<Vec<Entry>, StoreError>;
}

/// Why a store could not do something. It is unchanged, and the same may succeed later.
#[derive(Debug)]
pub(super) struct StoreError {
    /// The kind of failure: each is reported once.
    pub code: i32,
    pub cause: Cause,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

pub(super) struct Batch<'a> {
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
}
