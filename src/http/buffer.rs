//! Input of a connection that is not consumed yet.

use std::io::{self, Read as _};

use super::stream::Stream;

/// The largest head; clients send far less.
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

    /// Reads more, as much as fits. 0 at the end of the input.
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
