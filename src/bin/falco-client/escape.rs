//! Text of unknown origin, made safe for a terminal and for one line.

use std::fmt::{self, Write as _};

/// Shows characters that would act instead of being seen as `\n`, `\t`, `\r` or `\u{1b}`: the
/// control characters C0, DEL and C1, the separators of lines and paragraphs, and the invisible
/// characters that reorder or hide text. Everything else stays as it is, backslashes too.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        replace(self.0, f, |char, f| match char {
            '\n' => f.write_str("\\n"),
            '\r' => f.write_str("\\r"),
            '\t' => f.write_str("\\t"),
            _ => write!(f, "\\u{{{:x}}}", u32::from(char)),
        })
    }
}

/// Shows the same characters in a JSON text as `\u009b`, so that it stays the same JSON value.
pub struct JsonEscaped<'a>(pub &'a str);

impl fmt::Display for JsonEscaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        replace(self.0, f, |char, f| match char {
            // JSON has these between its tokens only, where an escape is not allowed.
            '\n' | '\r' | '\t' => f.write_char(' '),
            _ => {
                let mut units = [0; 2];
                let mut units = char.encode_utf16(&mut units).iter();
                units.try_for_each(|unit| write!(f, "\\u{unit:04x}"))
            }
        })
    }
}

/// Writes `text` with what `show` makes of each character that acts.
fn replace(
    text: &str,
    f: &mut fmt::Formatter<'_>,
    show: impl Fn(char, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    let mut rest = text;
    while let Some((at, char)) = rest.char_indices().find(|(_, char)| acts(*char)) {
        let (before, from) = rest.split_at(at);
        f.write_str(before)?;
        show(char, f)?;
        let mut from = from.chars();
        from.next();
        rest = from.as_str();
    }
    f.write_str(rest)
}

fn acts(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}'                    // soft hyphen
            | '\u{61c}'                 // Arabic letter mark
            | '\u{180e}'                // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}'   // zero widths, left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202e}'   // line and paragraph separators, bidi embeddings, overrides
            | '\u{2060}'..='\u{206f}'   // invisible operators, bidi isolates
            | '\u{feff}'                // byte order mark
            | '\u{fff9}'..='\u{fffb}'   // interlinear annotation
            | '\u{e0000}'..='\u{e007f}' // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        Escaped(text).to_string()
    }

    #[test]
    fn plain_text_stays() {
        for text in [
            "",
            "cat /etc/passwd",
            "Jürgen 日本 🦅 \u{fffd}",
            r"C:\new \u{1b}",
        ] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(escaped("\x1b]0;owned\x07"), r"\u{1b}]0;owned\u{7}");
        assert_eq!(escaped("\u{9b}2J\u{7f}\0"), r"\u{9b}2J\u{7f}\u{0}");
        assert_eq!(escaped("a\x08\x0b\x0cb"), r"a\u{8}\u{b}\u{c}b");
    }

    #[test]
    fn nothing_forges_a_line() {
        assert_eq!(escaped("a\nb\rc\td"), r"a\nb\rc\td");
        assert_eq!(
            escaped("a\u{85}b\u{2028}c\u{2029}d"),
            r"a\u{85}b\u{2028}c\u{2029}d"
        );
    }

    #[test]
    fn nothing_reorders_or_hides_text() {
        assert_eq!(
            escaped("\u{202e}gpj.exe\u{202c}"),
            r"\u{202e}gpj.exe\u{202c}"
        );
        assert_eq!(
            escaped("\u{2066}\u{2069}\u{200f}\u{61c}"),
            r"\u{2066}\u{2069}\u{200f}\u{61c}"
        );
        assert_eq!(
            escaped("pass\u{200b}wd\u{feff}\u{e0041}"),
            r"pass\u{200b}wd\u{feff}\u{e0041}"
        );
    }

    #[test]
    fn no_control_character_of_unicode_survives() {
        let all: String = (char::MIN..=char::MAX).collect();
        assert!(!escaped(&all).chars().any(char::is_control));
        assert!(!JsonEscaped(&all).to_string().chars().any(acts));
    }

    #[test]
    fn json_stays_the_same_value() {
        let all: String = (char::MIN..=char::MAX).collect();
        let json = serde_json::to_string(&all).unwrap();
        let shown = JsonEscaped(&json).to_string();
        assert!(serde_json::from_str::<String>(&shown).unwrap() == all);
        assert!(shown.contains(r"\u007f\u0080") && shown.contains(r"\udb40\udc41"));

        let spaced = JsonEscaped("{\t\"a\\n\":\r\n\"\u{9b}\"}").to_string();
        assert_eq!(spaced, r#"{ "a\n":  "\u009b"}"#);
    }
}
