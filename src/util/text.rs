//! Text from outside, made fit for a log or an error.

use std::fmt::{self, Write as _};

/// Formats a message as one line of at most about `longest` bytes, with control characters escaped.
/// What is cut is not formatted.
pub(crate) fn one_line(message: fmt::Arguments<'_>, longest: usize) -> String {
    let mut line = BoundedLine {
        text: String::new(),
        longest,
    };
    // It fails where the rest is cut.
    let _ = line.write_fmt(message);
    line.text
}

struct BoundedLine {
    text: String,
    longest: usize,
}

impl fmt::Write for BoundedLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if self.text.len() >= self.longest {
                self.text.push('…');
                return Err(fmt::Error);
            }
            match char.is_control() {
                true => self.text.extend(char.escape_default()),
                false => self.text.push(char),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_text_becomes_a_short_line() {
        let large = "\x1b[2J\n".repeat(1 << 20);
        let line = one_line(format_args!("{large}{large}"), 100);
        assert!(line.len() < 120, "{}", line.len());
        assert!(line.starts_with("\\u{1b}[2J\\n") && line.ends_with('…'));
        assert!(!line.contains(char::is_control));
        assert_eq!(one_line(format_args!("a {}", "b"), 3), "a b");
    }
}
