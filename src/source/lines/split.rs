//! Cuts bytes into lines, with a bound on what one line takes in memory.
//!
//! A NUL ends a line, too, as it is in none of Falco's: a file that was truncated while its writer
//! went on where it was has a hole of them, and a system that went down may have left one.

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
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.length == 0 && rest.first() == Some(&0) {
                let hole = rest.iter().take_while(|&&byte| byte == 0).count();
                self.consumed += hole as u64;
                rest = rest.get(hole..).unwrap_or_default();
                continue;
            }
            let Some(end) = rest.iter().position(|&byte| byte == b'\n' || byte == 0) else {
                self.consumed += rest.len() as u64;
                return self.keep(rest);
            };
            self.consumed += end as u64 + 1;
            self.keep(rest.get(..end).unwrap_or_default());
            if let Some(line) = self.rest() {
                each(line, self.consumed);
            }
            rest = rest.get(end + 1..).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn split(most: usize, pieces: &[&[u8]]) -> (Vec<(Line, u64)>, Option<Line>) {
        let (mut splitter, mut lines) = (Splitter::new(most), Vec::new());
        for piece in pieces {
            splitter.push(piece, |line, consumed| lines.push((line, consumed)));
        }
        (lines, splitter.rest())
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let text = b"abc\r\n\n \r\nabcd\nabcd\r\n12345\n123456\r\n\r\r\nx\r";
        let whole = |text: &str| Line::Whole(text.into());
        let lines = vec![
            (whole("abc"), 5),
            (whole("abcd"), 14),
            (whole("abcd"), 20),
            (Line::TooLong(5), 26),
            (Line::TooLong(6), 34),
        ];
        let expected = (lines, Some(whole("x")));
        assert_eq!(split(4, &[text]), expected);
        for size in 1..text.len() {
            let pieces: Vec<_> = text.chunks(size).collect();
            assert_eq!(split(4, &pieces), expected, "pieces of {size}");
        }
        assert_eq!(split(0, &[b"a"]), (vec![], Some(Line::TooLong(1))));
        assert_eq!(split(usize::MAX, &[b"\r"]), (vec![], None));
    }

    #[test]
    fn a_hole_of_any_size_costs_nothing() {
        let hole = [0; 10_000];
        let text = [&hole[..], b"ab\n", &hole, b"cd", &hole, b"ef\n\0g"].concat();
        for size in [1, 7, text.len()] {
            let pieces: Vec<_> = text.chunks(size).collect();
            let (lines, rest) = split(2, &pieces);
            let lines: Vec<_> = lines.into_iter().map(|(line, _)| line).collect();
            assert_eq!(
                lines,
                ["ab", "cd", "ef"].map(|line| Line::Whole(line.into()))
            );
            assert_eq!(rest, Some(Line::Whole(b"g".to_vec())));
        }
        let mut splitter = Splitter::new(2);
        let mut consumed = 0;
        splitter.push(b"\0\0a\0\0", |_, end| consumed = end);
        assert_eq!(consumed, 4);
        splitter.push(b"\0b\n", |_, end| consumed = end);
        assert_eq!(consumed, 8);
    }

    #[test]
    fn a_reset_forgets_what_is_unfinished() {
        let mut splitter = Splitter::new(3);
        splitter.push(b"long line", |_, _| unreachable!());
        splitter.reset();
        let mut lines = Vec::new();
        splitter.push(b"ab\nc", |line, consumed| lines.push((line, consumed)));
        assert_eq!(lines, [(Line::Whole(b"ab".to_vec()), 3)]);
        assert_eq!(splitter.rest(), Some(Line::Whole(b"c".to_vec())));
        assert_eq!(splitter.rest(), None);
    }
}
