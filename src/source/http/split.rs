//! The values of a body that holds several: an array, lines, or one behind another.
//!
//! The text need not be UTF-8, nor valid: what is no value is a piece of its own, up to where the next
//! may begin. Each byte is looked at once or twice, whatever the body holds.

pub(super) struct Values<'a> {
    rest: &'a [u8],
    in_array: bool,
    /// Brackets are not closed: from there on only a line that begins with `{` begins another value.
    damaged: bool,
}

impl<'a> Values<'a> {
    pub(super) fn of(body: &'a [u8]) -> Values<'a> {
        Values {
            rest: body,
            in_array: false,
            damaged: false,
        }
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (value, rest) = self
            .rest
            .split_at_checked(count)
            .unwrap_or((self.rest, &[]));
        self.rest = rest;
        value.trim_ascii_end()
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let between = |byte: &u8| match byte {
                // The separator of RFC 7464.
                b' ' | b'\t' | b'\r' | b'\n' | 0x1e => true,
                b',' => self.in_array,
                _ => false,
            };
            let start = self.rest.iter().position(|byte| !between(byte));
            self.rest = start
                .and_then(|start| self.rest.get(start..))
                .unwrap_or_default();
            let count = match self.rest.first() {
                // An array that does not end lacks one.
                None => return std::mem::take(&mut self.in_array).then_some(&[]),
                Some(b']') if self.in_array => {
                    self.in_array = false;
                    self.take(1);
                    continue;
                }
                Some(b'[') if !self.in_array && !self.damaged => {
                    self.in_array = true;
                    self.take(1);
                    continue;
                }
                Some(b'{' | b'[') if !self.damaged => match bracketed(self.rest) {
                    Some(count) => count,
                    None => {
                        (self.damaged, self.in_array) = (true, false);
                        to_next_line(self.rest)
                    }
                },
                Some(_) if self.in_array => scalar(self.rest),
                Some(_) => to_next_line(self.rest),
            };
            return Some(self.take(count));
        }
    }
}

/// The length of the object or array that a text begins with, if it ends.
fn bracketed(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (place, byte) in text.iter().enumerate() {
        match byte {
            // No JSON has one in a string: the end of a line that was cut.
            b'\n' if in_string => return None,
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(place + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The length of what stands in an array and is neither object nor array.
fn scalar(text: &[u8]) -> usize {
    let (mut in_string, mut escaped) = (false, false);
    let end = text.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b']' => return !in_string,
            _ => {}
        }
        false
    });
    end.unwrap_or(text.len())
}

/// Up to the next line that may begin a value.
fn to_next_line(text: &[u8]) -> usize {
    let next = text
        .windows(2)
        .position(|two| matches!(two, b"\n{" | b"\n["));
    next.map_or(text.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn are(body: &str, values: &[&str]) {
        let found: Vec<_> = Values::of(body.as_bytes())
            .map(|value| std::str::from_utf8(value).unwrap())
            .collect();
        assert_eq!(found, values, "{body:?}");
    }

    #[test]
    fn values_in_an_array_on_lines_or_behind_each_other() {
        are(
            r#"[{"a":[1,{}]} , {"b":"]},{"}]"#,
            &[r#"{"a":[1,{}]}"#, r#"{"b":"]},{"}"#],
        );
        are(
            "{\"a\":\"\\\"}\"}\r\n\r\n{\n\"b\":1}\n",
            &["{\"a\":\"\\\"}\"}", "{\n\"b\":1}"],
        );
        are("{}{} {}\u{1e}{}", &["{}"; 4]);
        are("[{}]\n[{},{}]{}", &["{}"; 4]);
        are("[]", &[]);
        are(" \n", &[]);
    }

    #[test]
    fn what_is_no_value_is_a_piece_of_its_own() {
        are(
            r#"[1,"a,]b",{},[{}],null]"#,
            &["1", r#""a,]b""#, "{}", "[{}]", "null"],
        );
        are("text\nmore\n{}\nend", &["text\nmore", "{}", "end"]);
        are("{}}\n{}", &["{}", "}", "{}"]);
        are("{\"a\":\"b\n{}\n{}", &["{\"a\":\"b", "{}", "{}"]);
        are("{\"a\":\n{}\n{}", &["{\"a\":", "{}", "{}"]);
        are("[{},", &["{}", ""]);
        are("[{},{\"a\"", &["{}", "{\"a\""]);
    }

    #[test]
    fn hostile_brackets_take_no_more_time_than_others() {
        let body = "{\n".repeat(2_000_000);
        assert_eq!(Values::of(body.as_bytes()).count(), 2_000_000);
        let body = format!("[{}", "[".repeat(4_000_000));
        assert_eq!(Values::of(body.as_bytes()).count(), 1);
    }
}
