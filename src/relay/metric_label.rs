//! Labels of metrics: untrusted text and addresses, made valid for any reader of Prometheus' text format.

/// How much of a text is a label, in characters.
const LONGEST: usize = 200;

/// A text as the value of a label: short, and without characters that some readers take for the end of a
/// line, or that a terminal obeys.
pub(super) fn label(text: &str) -> String {
    text.chars().take(LONGEST).map(shown).collect()
}

/// Control characters as their pictures.
fn shown(char: char) -> char {
    match char {
        '\n' => char,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(char)).unwrap_or(char),
        '\x7f' => '\u{2421}',
        // Line ends, and what changes the direction of a text.
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
            char::REPLACEMENT_CHARACTER
        }
        char if char.is_control() => char::REPLACEMENT_CHARACTER,
        char => char,
    }
}

/// A label for each of several texts, and no two the same: addresses may differ in what is not shown.
pub(super) fn labels<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    distinct(texts.map(label), |label, number| {
        format!("{label} ({number})")
    })
}

/// The names of labels for output fields, as Prometheus allows them: `k8s_ns_name` for `k8s.ns.name`. No two
/// are the same.
pub(super) fn label_names<'a>(fields: impl Iterator<Item = &'a str>) -> Vec<String> {
    distinct(fields.map(label_name), |name, number| {
        format!("{name}_{number}")
    })
}

fn label_name(field: &str) -> String {
    let legal = |char: char| {
        if char.is_ascii_alphanumeric() {
            char
        } else {
            '_'
        }
    };
    let name: String = field.chars().take(LONGEST).map(legal).collect();
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        // Two at the beginning are reserved.
        Some('_') => format!("field{name}"),
        Some(_) | None => format!("_{name}"),
    }
}

fn distinct(
    names: impl Iterator<Item = String>,
    numbered: impl Fn(&str, usize) -> String,
) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let mut unique = name.clone();
        let mut number = 2;
        while all.contains(&unique) {
            unique = numbered(&name, number);
            number += 1;
        }
        all.push(unique);
    }
    all
}

/// A label within its quotes.
pub(super) fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_have_no_control_characters() {
        assert_eq!(
            label("a\r\0\x1b[0m\x7f\u{85}\u{2028}b"),
            "a\u{240d}\u{2400}\u{241b}[0m\u{2421}\u{fffd}\u{fffd}b"
        );
        assert_eq!(label(&"é".repeat(300)).chars().count(), LONGEST);
        assert_eq!(escaped("a\\b\"c\nd"), r#"a\\b\"c\nd"#);
    }

    #[test]
    fn no_two_labels_and_no_two_names_are_the_same() {
        let all = ["http://a/", "http://a/", "http://a/ (2)", "http://a/"];
        let expected = [
            "http://a/",
            "http://a/ (2)",
            "http://a/ (2) (2)",
            "http://a/ (3)",
        ];
        assert_eq!(labels(all.into_iter()), expected);
        let fields = [
            "rule",
            "k8s.ns.name",
            "k8s_ns_name",
            "rule",
            "",
            "1a",
            "__x",
        ];
        let names = [
            "rule",
            "k8s_ns_name",
            "k8s_ns_name_2",
            "rule_2",
            "_",
            "_1a",
            "field__x",
        ];
        assert_eq!(label_names(fields.into_iter()), names);
    }
}
