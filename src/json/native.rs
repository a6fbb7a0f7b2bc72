//! Whether an alert's output is Falco's own JSON line.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::Deserialize;

use super::time;
use crate::alert::Alert;

/// The keys that Falco writes; a line with one of them twice does not read.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Line<'a> {
    #[serde(borrow)]
    rule: Cow<'a, str>,
    #[serde(borrow)]
    priority: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
    #[serde(borrow, default)]
    hostname: Cow<'a, str>,
    #[serde(default)]
    output: Option<IgnoredAny>,
    #[serde(default)]
    output_fields: Option<IgnoredAny>,
    #[serde(default)]
    tags: Option<IgnoredAny>,
}

/// The output, when it is a native line about this very alert.
///
/// The output holds what an attacker names files and processes, so it is not enough that it looks
/// like JSON: it must tell the message's own rule, priority, source, host and time, to the
/// nanosecond, and be one line.
pub(super) fn line(alert: &Alert) -> Option<&str> {
    let output = alert.output();
    if !output.starts_with('{') || !output.ends_with('}') || output.contains(['\n', '\r']) {
        return None;
    }
    let line: Line<'_> = serde_json::from_str(output).ok()?;
    let same = line.rule == alert.rule()
        && Some(&*line.priority) == alert.priority().name()
        && line.time == time::falco(alert.seconds(), alert.nanos())
        && (line.source.is_empty() || line.source == alert.source())
        && (line.hostname.is_empty() || line.hostname == alert.hostname());
    same.then_some(output)
}
