//! Cuts bytes into lines, with a bound on what one line takes in memory.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Without its newline or `\r\n`. Blank lines are not given.
    Whole(Vec<u8>),
    /// The bytes of a line above the bound, which were not kept.
    TooLong(u64),
}

pub(crate) struct Splitter {
    most: usize,
    /// The unfinished line, or nothing once it is too long.
    kept: Vec<u8>,
    /// Its bytes, kept or not.
    length: u64,
    /// Its last byte, which is no part of the line if it is a `\r`.
    last: u8,
    consumed: u64,
}

impl Splitter {
    pub(crate) fn new(most: usize) -> Splitter {
        Splitter {
            most,
            kept: Vec::new(),
            length: 0,
            last: 0,
            consumed: 0,
        }
    }

    /// Gives each line that ends in `bytes`, and how many bytes were pushed up to its end in all.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Line, u64)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.consumed += piece.len() as u64;
            let Some(end) = piece.strip_suffix(b"\n") else {
                self.keep(piece);
                continue;
            };
            self.keep(end);
            if let Some(line) = self.rest() {
                each(line, self.consumed);
            }
        }
    }

    /// The unfinished line, at the end of the input.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        let mut bytes = std::mem::take(&mut self.kept);
        let mut length = std::mem::take(&mut self.length);
        if std::mem::take(&mut self.last) == b'\r' {
            length -= 1;
        }
        if length > self.most as u64 {
            return Some(Line::TooLong(length));
        }
        bytes.truncate(length as usize);
        match bytes.trim_ascii().is_empty() {
            true => None,
            false => Some(Line::Whole(bytes)),
        }
    }

    /// Forgets the unfinished line, and counts from 0 again.
    pub(crate) fn reset(&mut self) {
        *self = Splitter::new(self.most);
    }

    fn keep(&mut self, piece: &[u8]) {
        let Some(&last) = piece.last() else {
            return;
        };
        self.last = last;
        self.length += piece.len() as u64;
        // A `\r` at the end does not count.
        let room = self.most.saturating_add(1);
        if self.length > room as u64 {
            self.kept = Vec::new();
            return;
        }
        let length = self.kept.len();
        let needed = length + piece.len();
        let capacity = self.kept.capacity();
        if needed > capacity {
            // Twice as much each time, so that each byte is moved a few times only.
            let capacity = capacity.saturating_mul(2).min(room).max(needed);
            self.kept.reserve_exact(capacity - length);
        }
        self.kept.extend_from_slice(piece);
    }
}
