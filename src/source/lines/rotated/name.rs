//! What the name of a rotated file says: a number, a date, whether it is compressed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How the names of compressed files end.
const COMPRESSED: [&[u8]; 8] = [b"gz", b"bz2", b"xz", b"zst", b"lz4", b"lzma", b"zip", b"Z"];

/// What a rotated file's name adds to the log's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Stamp {
    /// The higher, the older.
    Number(u64),
    /// The later, the newer.
    Date(Vec<u8>),
    /// Of a log that has another name each day, or was renamed by hand.
    Other,
}

/// Whether a file is compressed, by its name.
pub(super) fn is_compressed(path: &Path) -> bool {
    let end = path.extension().map(OsStr::as_bytes);
    end.is_some_and(|end| COMPRESSED.contains(&end))
}

/// The stamp in a rotated file's name: `falco.log.1`, `falco.log-20261125.gz`,
/// `falco-20261125.log`.
pub(super) fn stamp(name: &[u8], log: &[u8]) -> Option<Stamp> {
    if name == log {
        return None;
    }
    let plain = COMPRESSED
        .iter()
        .find_map(|end| name.strip_suffix(*end)?.strip_suffix(b"."));
    let name = plain.unwrap_or(name);
    if let Some(added) = name.strip_prefix(log) {
        return added_stamp(added);
    }
    let dot = log
        .iter()
        .rposition(|&byte| byte == b'.')
        .filter(|&dot| dot > 0);
    let (stem, end) = log.split_at_checked(dot.unwrap_or(log.len()))?;
    let added = name.strip_prefix(stem)?.strip_suffix(end)?;
    added_stamp(added).filter(|_| !end.is_empty())
}

/// Whether a log is a link to one that has another name each day, or for each life of a container.
pub(super) fn is_alike(name: &[u8], log: &[u8]) -> bool {
    name != log && shape(name) == shape(log) && log.iter().any(u8::is_ascii_digit)
}

fn added_stamp(added: &[u8]) -> Option<Stamp> {
    let (separator, added) = added.split_first()?;
    let is_part = |&byte: &u8| byte.is_ascii_digit() || b"-_.:TZ".contains(&byte);
    let is_stamp = b".-_".contains(separator)
        && added.first().is_some_and(u8::is_ascii_digit)
        && added.iter().all(is_part);
    if !is_stamp {
        return None;
    }
    let number = std::str::from_utf8(added)
        .ok()
        .and_then(|text| text.parse().ok());
    match number.filter(|_| added.len() <= 4) {
        Some(number) => Some(Stamp::Number(number)),
        None => Some(Stamp::Date(
            added.iter().copied().filter(u8::is_ascii_digit).collect(),
        )),
    }
}

/// A name with a `#` in place of each number.
fn shape(name: &[u8]) -> Vec<u8> {
    let mut shape: Vec<u8> = Vec::new();
    for &byte in name {
        match byte.is_ascii_digit() {
            true if shape.last() == Some(&b'#') => {}
            true => shape.push(b'#'),
            false => shape.push(byte),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_known_by_their_names() {
        let of = |name: &str, log: &str| stamp(name.as_bytes(), log.as_bytes());
        let date = |digits: &str| Some(Stamp::Date(digits.into()));
        for (name, log, expected) in [
            ("falco.log.1", "falco.log", Some(Stamp::Number(1))),
            ("falco.log.12.gz", "falco.log", Some(Stamp::Number(12))),
            ("falco.log.2.zst", "falco.log", Some(Stamp::Number(2))),
            ("falco.1.log", "falco.log", Some(Stamp::Number(1))),
            ("falco.log-20261125", "falco.log", date("20261125")),
            ("falco.log-2026-11-25.gz", "falco.log", date("20261125")),
            ("falco-20261125.log.gz", "falco.log", date("20261125")),
            (
                "events-20261125-1795597200.json",
                "events.json",
                date("202611251795597200"),
            ),
            ("0.log.20261125-090000.gz", "0.log", date("20261125090000")),
            ("falco", "falco", None),
            ("falco.1", "falco", Some(Stamp::Number(1))),
            ("0.log", "1.log", None),
            ("falco.log", "falco.log", None),
            ("falco.log.bak", "falco.log", None),
            ("falco.log.swp", "falco.log", None),
            ("falco.log.1.tmp", "falco.log", None),
            ("falco.log1", "falco.log", None),
            ("falcosidekick.log.1", "falco.log", None),
            ("other.log", "falco.log", None),
        ] {
            assert_eq!(of(name, log), expected, "{name} of {log}");
        }
    }

    #[test]
    fn logs_of_another_day_are_alike() {
        assert!(is_alike(b"falco-2026-11-24.log", b"falco-2026-11-25.log"));
        assert!(is_alike(b"0.log", b"10.log"));
        assert!(!is_alike(b"0.log", b"0.log"));
        assert!(!is_alike(b"falco.log", b"falco.log"));
        assert!(!is_alike(b"falco-1.log", b"falco.log"));
    }
}
