//! What was read of a connection and not used yet, and the body that it becomes.

use std::io::{self, Read as _};
use std::time::Instant;

use super::budget::{Share, FREE};
use super::stream::Stream;

/// More than a head of any client has.
const HEAD: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn unused(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads more, as much as there is room for; 0 at the end.
    pub(super) fn fill(&mut self, stream: &mut Stream) -> io::Result<usize> {
        if self.bytes.len() < HEAD {
            self.bytes.resize(HEAD, 0);
        }
        if self.end == self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let Some(room) = self.bytes.get_mut(self.end..) else {
            return Ok(0);
        };
        let read = stream.read(room)?;
        self.end += read;
        Ok(read)
    }

    pub(super) fn is_full(&self) -> bool {
        self.end - self.start >= HEAD
    }
}

/// Makes room for more of a body, doubling up to the limit: whether the budget allows it.
pub(super) fn grow(
    body: &mut Vec<u8>,
    more: usize,
    limit: usize,
    share: &mut Share<'_>,
    until: Instant,
) -> bool {
    let needed = body.len() + more;
    if needed <= body.capacity() {
        return true;
    }
    let capacity = match needed {
        ..=FREE => needed.next_power_of_two().min(FREE),
        _ => needed.saturating_mul(2).min(limit),
    };
    if !share.cover(capacity, until) {
        return false;
    }
    body.reserve_exact(capacity - body.len());
    true
}
