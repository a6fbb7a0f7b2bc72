//! Finds out whether entries were trimmed or deleted before they were read.

use redis::Value;

use crate::redis_stream::{field_of, items, text_of, StreamEntry};

/// The places of entries in all that was ever added to a stream, as Redis 7 counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Extent {
    /// How many were ever added.
    pub added: u64,
    /// How many of them are gone.
    pub gone: u64,
}

impl Extent {
    /// Of `XINFO STREAM`. None before Redis 7.
    pub(super) fn of(stream: &Value) -> Option<Extent> {
        let number = |name| field_of(stream, name)?.parse::<u64>().ok();
        let added = number("entries-added")?;
        let gone = added.checked_sub(number("length")?)?;
        Some(Extent { added, gone })
    }

    /// How many are gone of those after the first `read`, at least. It is exact where nothing was deleted
    /// before the first that is there, which only a command does, not a limit.
    pub(super) fn lost_after(self, read: u64) -> u64 {
        self.gone.saturating_sub(read)
    }
}

/// How far a group has read, by the place of the last entry that it was given.
///
/// Redis counts that as well, but some versions miss what was trimmed unread.
#[derive(Default)]
pub(super) struct GroupPlace {
    /// An entry that the group was given last at some time, and its place.
    known: Option<(String, u64)>,
    /// How many entries Redis has not counted.
    uncounted: u64,
}

impl GroupPlace {
    /// Finds out how many entries were gone before these were read, by the reports from right before it.
    pub(super) fn advance(
        &mut self,
        stream: &Value,
        groups: &Value,
        group: &str,
        read: &[StreamEntry],
    ) -> u64 {
        let groups = items(groups.clone()).into_iter();
        let report = groups.filter(|it| field_of(it, "name").as_deref() == Some(group));
        let report = report.last().unwrap_or_default();
        let newest = field_of(stream, "last-generated-id");
        let (Some(extent), Some(given)) =
            (Extent::of(stream), field_of(&report, "last-delivered-id"))
        else {
            return 0;
        };
        let counted = field_of(&report, "entries-read").and_then(|read| read.parse::<u64>().ok());
        let place = match &self.known {
            _ if newest.as_ref() == Some(&given) => Some(extent.added),
            Some((known, place)) if *known == given => Some(*place),
            _ => counted.map(|counted| counted + self.uncounted),
        };
        if let (Some(place), Some(counted)) = (place, counted) {
            self.uncounted = place.saturating_sub(counted);
        }
        let (Some(first), Some(last)) = (read.first(), read.last()) else {
            self.known = place.map(|place| (given, place));
            return 0;
        };
        // What was read begins with the oldest entry: all before it are gone.
        let oldest = oldest(stream);
        let lost = match (place, oldest.as_ref() == Some(&first.id)) {
            (Some(place), true) => extent.lost_after(place),
            _ => 0,
        };
        let place = place.map(|place| place + lost + read.len() as u64);
        self.known = place.map(|place| (last.id.clone(), place));
        lost
    }
}

/// How many entries a group has not read: those that it was not given yet, and those that its readers have
/// not acknowledged. None before Redis 7, and where Redis does not know.
pub(super) fn unread(groups: &Value, group: &str) -> Option<u64> {
    let groups = items(groups.clone()).into_iter();
    let mut report = groups.filter(|it| field_of(it, "name").as_deref() == Some(group));
    let report = report.next_back()?;
    let number = |name| field_of(&report, name)?.parse::<u64>().ok();
    number("lag")?.checked_add(number("pending")?)
}

/// The id of the oldest entry.
fn oldest(stream: &Value) -> Option<String> {
    let Value::Array(report) = stream else {
        return None;
    };
    let mut pairs = report.chunks_exact(2);
    pairs.find_map(|pair| match pair {
        [key, Value::Array(entry)] if text_of(key).as_deref() == Some("first-entry") => {
            text_of(entry.first()?)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(fields: &[(&str, Value)]) -> Value {
        let name = |name: &str| Value::SimpleString(name.to_owned());
        let pairs = fields
            .iter()
            .flat_map(|(key, value)| [name(key), value.clone()]);
        Value::Array(pairs.collect())
    }

    fn text(text: &str) -> Value {
        Value::SimpleString(text.to_owned())
    }

    /// A stream with these ids, after as many others as were added.
    fn stream(added: i64, ids: &[&str]) -> Value {
        let first = ids
            .first()
            .map_or(Value::Nil, |id| Value::Array(vec![text(id)]));
        report(&[
            ("length", Value::Int(ids.len() as i64)),
            ("last-generated-id", text(ids.last().unwrap_or(&"9-9"))),
            ("entries-added", Value::Int(added)),
            ("first-entry", first),
        ])
    }

    fn group(given: &str, read: i64) -> Value {
        let name = ("name", text("g"));
        let given = ("last-delivered-id", text(given));
        let read = ("entries-read", Value::Int(read));
        Value::Array(vec![report(&[name, given, read])])
    }

    #[test]
    fn a_group_has_not_read_what_it_was_not_given_and_what_is_not_acknowledged() {
        let group = |lag| {
            let fields = [
                ("name", text("g")),
                ("pending", Value::Int(3)),
                ("lag", lag),
            ];
            Value::Array(vec![report(&fields)])
        };
        assert_eq!(unread(&group(Value::Int(4)), "g"), Some(7));
        assert_eq!(unread(&group(Value::Nil), "g"), None);
        assert_eq!(unread(&group(Value::Int(4)), "h"), None);
    }

    fn entries(ids: &[&str]) -> Vec<StreamEntry> {
        let entry = |id: &&str| StreamEntry {
            id: (*id).to_owned(),
            fields: None,
        };
        ids.iter().map(entry).collect()
    }

    #[test]
    fn what_is_gone_unread_is_found_once_though_redis_has_not_counted_it() {
        let mut place = GroupPlace::default();
        let mut advance = |stream: &Value, given: &str, counted, read: &[&str]| {
            place.advance(stream, &group(given, counted), "g", &entries(read))
        };
        let ids = ["1-0", "2-0", "3-0"];
        assert_eq!(advance(&stream(3, &ids), "0-0", 0, &ids), 0);
        assert_eq!(advance(&stream(3, &ids), "3-0", 3, &[]), 0);
        // The fourth and the fifth are trimmed unread.
        assert_eq!(advance(&stream(7, &["6-0", "7-0"]), "3-0", 3, &["6-0"]), 2);
        // Redis has counted four.
        assert_eq!(advance(&stream(7, &["7-0"]), "6-0", 4, &["7-0"]), 0);
        assert_eq!(advance(&stream(8, &["8-0"]), "7-0", 5, &["8-0"]), 0);
        // Another reader was given the ninth, and all before the tenth are gone.
        assert_eq!(advance(&stream(10, &["10-0"]), "9-0", 7, &["10-0"]), 0);
        assert_eq!(advance(&stream(12, &["12-0"]), "10-0", 8, &["12-0"]), 1);
    }
}
