//! The text of an alert, as the rule's author wrote it.

use std::borrow::Cow;

use falco_client::{Alert, Priority};
use serde::Deserialize;

/// The formatted text. With Falco's `json_output` it is inside the JSON line in `output`.
pub fn output(alert: &Alert) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        output: Option<Cow<'a, str>>,
        #[serde(borrow)]
        message: Option<Cow<'a, str>>,
    }
    let output = alert.output();
    if !output.starts_with('{') {
        return output.into();
    }
    let line = serde_json::from_str(output).ok();
    line.and_then(|line: Line| line.output.or(line.message))
        .unwrap_or(output.into())
}

/// Falco begins the text with time and priority, which are shown already.
pub fn without_prefix(output: &str, priority: Priority) -> &str {
    let without = || {
        let (time, rest) = output.split_once(": ")?;
        let time_like = |byte: u8| byte.is_ascii_digit() || b":.+-TZ".contains(&byte);
        if !time.starts_with(|char: char| char.is_ascii_digit()) || !time.bytes().all(time_like) {
            return None;
        }
        rest.strip_prefix(priority.name()?)?.strip_prefix(' ')
    };
    without().unwrap_or(output)
}
