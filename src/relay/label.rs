//! Names the source of an alert in the alert itself, where a relay has several sources.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::alert::Alert;

/// The output field that names the source.
pub(crate) const FIELD: &str = "relay.source";

/// The message with one more output field. If it has a field of that name, the added one counts, as
/// the last.
pub(super) fn message(message: &[u8], source: &str) -> Vec<u8> {
    let label = Alert::builder().without_time().field(FIELD, source).build();
    // Concatenated messages are merged by whoever reads them.
    [message, label.as_bytes()].concat()
}

/// The line with one more output field, as the last one, and otherwise byte for byte.
pub(super) fn line<'a>(line: &'a str, source: &str) -> Cow<'a, str> {
    // A map, as null has a value in it, unlike in a struct.
    let Ok(values) = serde_json::from_str::<HashMap<Cow<str>, &RawValue>>(line) else {
        return line.into();
    };
    let name = serde_json::Value::from(source);
    let label = format!("\"{FIELD}\":{name}");
    let labelled = match values.get("output_fields").map(|fields| fields.get()) {
        Some(fields) => {
            // The value is a slice of the line, so that its address gives its end in the line.
            let end = fields.as_ptr() as usize + fields.len() - line.as_ptr() as usize;
            let empty = fields.trim_start_matches('{').trim_start() == "}";
            let comma = if empty { "" } else { "," };
            end.checked_sub(1)
                .and_then(|end| line.split_at_checked(end))
                .filter(|(_, rest)| rest.starts_with('}'))
                .map(|(before, rest)| format!("{before}{comma}{label}{rest}"))
        }
        None => line
            .strip_suffix('}')
            .map(|before| format!("{before},\"output_fields\":{{{label}}}}}")),
    };
    labelled.map_or(line.into(), Cow::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gets_one_more_field_and_is_else_the_same() {
        for (before, after) in [
            (
                r#"{"output_fields":{"a":"}"},"rule":"r"}"#,
                r#"{"output_fields":{"a":"}","relay.source":"s\"1"},"rule":"r"}"#,
            ),
            (
                r#"{"output_fields": { } }"#,
                r#"{"output_fields": { "relay.source":"s\"1"} }"#,
            ),
            (
                r#"{"rule":"r"}"#,
                r#"{"rule":"r","output_fields":{"relay.source":"s\"1"}}"#,
            ),
            (r#"{"output_fields":null}"#, r#"{"output_fields":null}"#),
            ("no JSON", "no JSON"),
        ] {
            assert_eq!(line(before, "s\"1"), after);
        }
    }

    #[test]
    fn a_message_gets_one_more_field() {
        let alert = Alert::builder().rule("r").field("a", "b").build();
        let labelled = Alert::from_bytes(message(alert.as_bytes(), "web")).unwrap();
        let fields: Vec<_> = labelled.fields().collect();
        assert_eq!(fields, [("a", "b"), (FIELD, "web")]);
        assert_eq!(labelled.rule(), "r");
    }
}
