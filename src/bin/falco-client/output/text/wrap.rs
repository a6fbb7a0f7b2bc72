//! Words wrapped to the width of a terminal.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::output::Style;

/// A paragraph that wraps at a width, and ends after a number of lines.
pub struct Wrapped<'a, W> {
    to: &'a mut W,
    coloured: bool,
    width: usize,
    indent: usize,
    /// Lines that may still begin.
    lines: usize,
    column: usize,
    /// Characters for which there was no room.
    left_out: usize,
}

impl<'a, W: Write> Wrapped<'a, W> {
    /// Begins at the left; the lines that follow are indented.
    pub fn new(to: &'a mut W, coloured: bool, width: usize, indent: usize) -> Wrapped<'a, W> {
        Wrapped {
            to,
            coloured,
            width,
            indent,
            lines: usize::MAX,
            column: 0,
            left_out: 0,
        }
    }

    /// Begins a line, and allows as many in all from there on.
    pub fn begin(&mut self, lines: usize) -> io::Result<()> {
        self.lines = lines;
        self.new_line().map(drop)
    }

    /// Writes a word with a space before it, on the next line where this one has no room.
    pub fn word(&mut self, text: &str, style: Style) -> io::Result<()> {
        self.pair("", text, style)
    }

    /// Writes a word whose beginning is less important. A word that is longer than a line is
    /// shortened.
    pub fn pair(&mut self, key: &str, text: &str, style: Style) -> io::Result<()> {
        if self.left_out > 0 {
            self.leave_out(1 + chars(key) + chars(text));
            return Ok(());
        }
        let room = self.width.saturating_sub(self.indent).max(8);
        let folded = fold(text, room.saturating_sub(key.width()).max(8));
        let shown = folded.as_deref().unwrap_or(text);
        let wide = key.width() + shown.width();
        if self.column > self.indent {
            if self.column + 1 + wide > self.width {
                if !self.new_line()? {
                    self.leave_out(1 + chars(key) + chars(text));
                    return Ok(());
                }
            } else {
                self.raw(" ", Style::Plain)?;
            }
        }
        self.raw(key, Style::Faint)?;
        self.raw(shown, style)
    }

    /// Counts characters for which there is no room.
    pub fn leave_out(&mut self, chars: usize) {
        self.left_out += chars;
    }

    /// The next word begins a line.
    pub fn end_line(&mut self) {
        if self.column > self.indent {
            self.column = self.column.max(self.width);
        }
    }

    /// Writes text that is part of the line in any case.
    pub fn raw(&mut self, text: &str, style: Style) -> io::Result<()> {
        self.column += text.width();
        style.write(text, self.coloured, self.to)
    }

    /// Ends the paragraph, and says how much of it was left out.
    pub fn end(mut self) -> io::Result<()> {
        if self.left_out > 0 {
            self.raw(&format!(" …+{}", self.left_out), Style::Faint)?;
        }
        self.to.write_all(b"\n")
    }

    fn new_line(&mut self) -> io::Result<bool> {
        if self.lines == 0 {
            return Ok(false);
        }
        self.lines -= 1;
        write!(self.to, "\n{:1$}", "", self.indent)?;
        self.column = self.indent;
        Ok(true)
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// The beginning and the end of a word that is wider than `room`, with the number of characters
/// between them.
fn fold(text: &str, room: usize) -> Option<String> {
    // Marks of no width add up to a word that is long, too.
    if text.width() <= room && chars(text) <= 4 * room {
        return None;
    }
    let count = chars(text);
    let room = room.saturating_sub(format!("…+{count}…").width()).max(2);
    let head = prefix(text.chars(), room - room / 3);
    let tail = prefix(text.chars().rev(), room / 3);
    let between = count - head.len() - tail.len();
    let mut folded: String = head.into_iter().collect();
    folded.push_str(&format!("…+{between}…"));
    folded.extend(tail.into_iter().rev());
    Some(folded)
}

fn prefix(chars: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut width = 0;
    chars
        .take(2 * room)
        .take_while(|char| {
            width += char.width().unwrap_or(0);
            width <= room
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(words: &[&str], width: usize, lines: usize) -> String {
        let mut bytes = Vec::new();
        let mut to = Wrapped::new(&mut bytes, false, width, 2);
        to.begin(lines).unwrap();
        for word in words {
            to.word(word, Style::Plain).unwrap();
        }
        to.end().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn words_go_to_the_next_line_where_they_do_not_fit() {
        assert_eq!(
            wrapped(&["one", "two", "three"], 10, 9),
            "\n  one two\n  three\n"
        );
        assert_eq!(wrapped(&["日本", "語語"], 10, 9), "\n  日本\n  語語\n");
    }

    #[test]
    fn a_long_word_keeps_both_its_ends() {
        let word = format!("begin{}end", "x".repeat(992));
        assert_eq!(wrapped(&[&word], 20, 9), "\n  beginxxx…+989…end\n");
    }

    #[test]
    fn no_word_is_wider_than_a_line() {
        for word in ["x".repeat(5000), "語".repeat(5000), "e\u{301}".repeat(5000)] {
            for width in [20, 37, 80] {
                let shown = wrapped(&[&word, "and", &word], width, 9);
                assert!(shown.lines().all(|line| line.width() <= width), "{shown}");
                assert!(shown.chars().count() < 8 * width, "{shown}");
            }
        }
    }

    #[test]
    fn what_has_no_room_is_counted() {
        assert_eq!(
            wrapped(&["one", "two", "three", "four"], 10, 1),
            "\n  one two …+11\n"
        );
    }
}
