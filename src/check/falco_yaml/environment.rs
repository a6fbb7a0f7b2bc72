//! Values that Falco takes from its environment, which is not that of this process.

/// Stands for the value of a variable of Falco's environment.
pub(in crate::check) const UNKNOWN: char = '\u{1}';

/// The text in which each `${NAME}` is [`UNKNOWN`], as Falco replaces them: `$${NAME}` stands for
/// `${NAME}`, and a `$` without a brace ends the search.
pub(super) fn expand(text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        if !rest.contains('}') {
            break;
        }
        if let Some(variable) = rest.strip_prefix("${") {
            expanded.push(UNKNOWN);
            rest = variable.split_once('}').map_or("", |(_, rest)| rest);
        } else if let Some(literal) = rest.strip_prefix("$${") {
            expanded.push_str("${");
            rest = literal;
        } else {
            break;
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_unknown_and_escaped_ones_are_not() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("${A}", "\u{1}"),
            ("http://${HOST}:${PORT}/x", "http://\u{1}:\u{1}/x"),
            ("$${A}", "${A}"),
            ("$${A} ${B}", "${A} \u{1}"),
            ("${A", "${A"),
            ("$ ${A}", "$ ${A}"),
            ("a$", "a$"),
            ("}${", "}${"),
            ("$${${A}}", "${\u{1}}"),
        ] {
            assert_eq!(expand(text), expected, "{text}");
        }
    }
}
