//! JSON objects in which others keep a line: container runtimes, journald, log collectors.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::kind::{Envelope, Part, Peeled};
use super::stream;

/// The keys of a text, the surest first.
pub(super) const TEXTS: [&str; 13] = [
    "log",
    "MESSAGE",
    "message",
    "msg",
    "line",
    "@message",
    "_raw",
    "textPayload",
    "jsonPayload",
    "log_processed",
    "body",
    "event",
    "record",
];

/// The keys of what has such objects in it, as the answers of Loki, CloudWatch and Elasticsearch do.
const CONTAINERS: [&str; 12] = [
    "data",
    "result",
    "results",
    "streams",
    "values",
    "events",
    "logEvents",
    "hits",
    "_source",
    "records",
    "entries",
    "items",
];

/// The keys of what tells one stream from another.
const STREAMS: [&str; 12] = [
    "stream",
    "kubernetes",
    "host",
    "hostname",
    "_HOSTNAME",
    "_PID",
    "_TRANSPORT",
    "container_id",
    "container_name",
    "podName",
    "containerName",
    "file",
];

/// How deep such objects are looked into.
const DEPTH: usize = 8;

/// No alert is shorter.
const SHORTEST: usize = 40;

/// More keys than any of them has.
const MOST: usize = 1000;

/// What an object is that is no alert.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Object<'a> {
    /// It keeps lines.
    Envelope(Vec<Peeled<'a>>),
    /// It is a line of a program's log.
    Log,
    /// `journalctl` has left out what was long.
    LeftOut,
    Other,
}

/// What an object is, where it is no alert. One that has keys of an alert keeps none: its values are
/// what anybody may have put there.
pub(super) fn of(text: &[u8]) -> Object<'_> {
    let Ok(members) = serde_json::from_slice::<Members>(text) else {
        return Object::Other;
    };
    let mut found = Vec::new();
    members.search(DEPTH, &mut found);
    let is_log = members.is_log();
    match found.is_empty() {
        true if members.is_null("MESSAGE") && members.is_falcos() => Object::LeftOut,
        true if is_log || members.is_of_journald() => Object::Log,
        true => Object::Other,
        false if is_log && !found.iter().any(|peeled| is_json(&peeled.text)) => Object::Log,
        false => Object::Envelope(found),
    }
}

fn is_json(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"{")
}

/// An object's keys and values, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.get())
    }

    fn is_null(&self, key: &str) -> bool {
        self.get(key) == Some("null")
    }

    fn string(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?).ok()
    }

    /// Whether a program called Falco has written it.
    fn is_falcos(&self) -> bool {
        let keys = [
            "SYSLOG_IDENTIFIER",
            "_COMM",
            "_SYSTEMD_UNIT",
            "CONTAINER_NAME",
        ];
        let mut values = keys.iter().filter_map(|key| self.get(key));
        values.any(|value| value.to_ascii_lowercase().contains("falco"))
    }

    fn is_of_journald(&self) -> bool {
        ["__REALTIME_TIMESTAMP", "MESSAGE"]
            .iter()
            .any(|key| self.get(key).is_some())
    }

    fn is_alert(&self) -> bool {
        let keys = ["rule", "priority", "output_fields"];
        keys.iter().any(|key| self.get(key).is_some())
    }

    fn is_log(&self) -> bool {
        let has = |keys: &[&str]| keys.iter().any(|key| self.get(key).is_some());
        !self.is_alert() && has(&["level", "lvl", "severity"]) && has(&["msg", "message", "error"])
    }

    fn search(&self, depth: usize, found: &mut Vec<Peeled<'a>>) {
        if self.is_alert() && self.get("log").is_none() {
            return;
        }
        if let Some((key, text)) = self.text() {
            found.push(self.peeled(key, text));
            return;
        }
        for key in CONTAINERS {
            if let Some(value) = self.get(key) {
                search(value, depth, found);
            }
        }
    }

    /// The text that is an alert most likely.
    fn text(&self) -> Option<(&'static str, Vec<u8>)> {
        let keys = match self.is_alert() {
            true => TEXTS.get(..1)?,
            false => &TEXTS[..],
        };
        let mut other = None;
        for &key in keys {
            let Some(text) = self.get(key).and_then(text) else {
                continue;
            };
            if is_json(&text) {
                return Some((key, text));
            }
            other = other.or(Some((key, text)));
        }
        other
    }

    fn peeled(&self, key: &str, mut text: Vec<u8>) -> Peeled<'a> {
        let envelope = match key {
            "MESSAGE" => Envelope::JournalJson,
            "log" if self.0.len() <= 4 && self.get("stream").is_some() => Envelope::DockerJson,
            _ => Envelope::JsonLog,
        };
        let ends = text.ends_with(b"\n");
        if ends {
            text.pop();
        }
        let values: Vec<&[u8]> = STREAMS
            .iter()
            .map(|key| self.get(key).unwrap_or_default().as_bytes())
            .collect();
        Peeled {
            envelope,
            text: text.into(),
            stream: stream(&values),
            part: if ends {
                Part::Last
            } else {
                self.part(envelope)
            },
            shared: envelope != Envelope::DockerJson,
        }
    }

    /// Of a text without a line break at its end.
    fn part(&self, envelope: Envelope) -> Part {
        let tag = ["logtag", "_p"].iter().find_map(|key| self.string(key));
        match tag.as_deref() {
            Some("P") => return Part::More,
            Some("F") => return Part::Last,
            _ => {}
        }
        if self.string("_LINE_BREAK").as_deref() == Some("line-max") {
            return Part::More;
        }
        match self.string("partial_message").as_deref() {
            Some("true") if self.string("partial_last").as_deref() != Some("true") => Part::More,
            Some("true") => Part::Last,
            _ if envelope == Envelope::JournalJson => Part::Last,
            _ => Part::Unknown,
        }
    }
}

/// The text that a value is: a string, or its bytes as numbers; or an alert itself.
fn text(json: &str) -> Option<Vec<u8>> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(json)
            .ok()
            .map(String::into_bytes),
        b'[' => serde_json::from_str::<Vec<u8>>(json).ok(),
        b'{' => {
            let members: Members = serde_json::from_str(json).ok()?;
            members.is_alert().then(|| json.as_bytes().to_vec())
        }
        _ => None,
    }
}

fn search<'a>(json: &'a str, depth: usize, found: &mut Vec<Peeled<'a>>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match json.as_bytes().first() {
        Some(b'{') => {
            if let Ok(members) = serde_json::from_str::<Members>(json) {
                match members.is_alert() {
                    true => found.push(listed(json.as_bytes().to_vec())),
                    false => members.search(depth, found),
                }
            }
        }
        Some(b'[') => {
            let elements: Vec<&'a RawValue> = serde_json::from_str(json).unwrap_or_default();
            for element in elements {
                search(element.get(), depth, found);
            }
        }
        Some(b'"') => {
            let text = text(json).filter(|text| is_json(text) && text.len() >= SHORTEST);
            found.extend(text.map(listed));
        }
        _ => {}
    }
}

fn listed(text: Vec<u8>) -> Peeled<'static> {
    Peeled {
        envelope: Envelope::JsonLog,
        text: text.into(),
        stream: 0,
        part: Part::Last,
        shared: true,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            if members.len() == MOST {
                return Err(A::Error::custom("it has more than 1,000 keys"));
            }
            members.push((key, map.next_value()?));
        }
        Ok(Members(members))
    }
}

/// Borrowed, unless it has escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
