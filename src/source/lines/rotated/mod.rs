//! Finds the files that a log was rotated to: renamed with a number or a date, compressed, moved to a
//! folder beside it.

mod name;

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::open::{id, nanoseconds, Open};
use crate::position::FilePosition;
use name::{is_alike, stamp, Stamp};

/// More folders are not looked into, and of each no more files.
const FOLDERS: usize = 256;
const FILES: usize = 10_000;

/// A file that may be one of a log's.
pub(super) struct Rotated {
    pub path: PathBuf,
    pub id: (u64, u64),
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// What its name adds to the log's.
    stamp: Option<Stamp>,
}

impl Rotated {
    /// When it was written to last, in nanoseconds since the epoch.
    pub(super) fn modified(&self) -> u64 {
        nanoseconds(self.modified.0, self.modified.1)
    }

    /// Whether it was written to at a time or after it. Who compresses may keep whole seconds alone.
    fn is_since(&self, time: u64) -> bool {
        self.modified() / 1_000_000_000 >= time / 1_000_000_000
    }

    pub(super) fn open(&self) -> Option<Open> {
        let open = Open::rotated(&self.path).ok().flatten();
        open.filter(|open| open.id == self.id)
    }

    fn is_compressed(&self) -> bool {
        name::is_compressed(&self.path)
    }

    /// Whether it is compressed in a way that is not read here.
    pub(super) fn is_unreadable(&self) -> bool {
        self.is_compressed() && self.path.extension() != Some(OsStr::new("gz"))
    }
}

/// The files that a log was rotated to after the one that was read up to `end` and was written to
/// last at `since`; the oldest first.
pub(super) fn after(path: &Path, end: &FilePosition, since: u64) -> Vec<Rotated> {
    let begins_like = |mut open: Open| open.begins_like(end).unwrap_or_default();
    let is_it = |file: &Rotated| match end.offset {
        0 => file.id == end.id(),
        _ => {
            let may_be = file.id == end.id() || file.stamp.is_some();
            may_be && file.open().is_some_and(begins_like)
        }
    };
    let mut all = files(path, false);
    let mut place = all.iter().position(is_it);
    if place.is_none() {
        let beside = files(path, true);
        place = beside.iter().position(is_it).map(|place| all.len() + place);
        all.extend(beside);
    }
    // Other folders may have other logs of that name.
    let mut homes = folders(path);
    let it = place.and_then(|place| all.get_mut(place)).map(|it| {
        it.stamp.get_or_insert(Stamp::Other);
        homes.push(folder(&it.path));
        it.id
    });
    all.retain(|file| file.stamp.is_some() && homes.contains(&folder(&file.path)));
    sort(&mut all);
    let Some(id) = it else {
        all.retain(|file| file.is_since(since));
        return all;
    };
    let place = all.iter().position(|file| file.id == id);
    all.split_off(place.map_or(all.len(), |place| place + 1))
}

/// The file that was read up to `end`, under whatever name it has now, or a copy of it.
pub(super) fn find(path: &Path, end: &FilePosition, start: u64, since: u64) -> Option<Open> {
    let near = files(path, false);
    found(&near, end, start, since).or_else(|| found(&files(path, true), end, start, since))
}

fn found(files: &[Rotated], end: &FilePosition, start: u64, since: u64) -> Option<Open> {
    let goes_to = |file: &Rotated| {
        let mut open = file.open()?;
        open.go_to(end, start).ok()?.then_some(open)
    };
    // What cannot be read is not the one that was read before.
    let named = files.iter().filter(|file| file.id == end.id());
    named.clone().find_map(goes_to).or_else(|| {
        // A copy was written to after what is in it.
        let mut copies: Vec<&Rotated> = files
            .iter()
            .filter(|file| file.stamp.is_some() && file.is_since(since) && end.offset > 0)
            .collect();
        copies.sort_by_key(|file| file.modified);
        copies.into_iter().find_map(goes_to)
    })
}

/// By number or date, if all have one. Only then by the time, which compressing and copying may change.
fn sort(files: &mut [Rotated]) {
    let number = |file: &Rotated| match file.stamp {
        Some(Stamp::Number(number)) => Some(number),
        _ => None,
    };
    let date = |file: &Rotated| match &file.stamp {
        Some(Stamp::Date(date)) => Some(date.clone()),
        _ => None,
    };
    files.sort_by_key(|file| (file.modified, number(file).map(Reverse)));
    if files.iter().all(|file| number(file).is_some()) {
        let plain = files
            .iter()
            .filter(|file| !file.is_compressed())
            .map(number);
        let plain: Vec<Option<u64>> = plain.collect();
        // Some count upwards. Only what is not compressed has been written to last when it says.
        let by_plain = (plain.len() > 1).then(|| plain.is_sorted());
        files.sort_by_key(|file| number(file).map(Reverse));
        let is_upwards = by_plain.unwrap_or_else(|| alerts_go_back(files));
        if is_upwards {
            files.reverse();
        }
    } else if files.iter().all(|file| date(file).is_some()) {
        files.sort_by_key(date);
    }
}

/// Whether the first of these has later alerts than the last.
fn alerts_go_back(files: &[Rotated]) -> bool {
    let [first, .., last] = files else {
        return false;
    };
    let time = |file: &Rotated| file.open().and_then(|mut open| open.first_time());
    matches!((time(first), time(last)), (Some(first), Some(last)) if first > last)
}

/// The names of a log: its own, and that which it is a link to.
fn names(path: &Path) -> Vec<PathBuf> {
    let mut names = vec![path.to_owned()];
    names.extend(fs::canonicalize(path));
    names
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = names(path).iter().map(|log| folder(log)).collect();
    folders.dedup();
    folders
}

/// All files in the folder of a log and in those within it; or in those beside it.
fn files(path: &Path, beside: bool) -> Vec<Rotated> {
    let (names, mut folders) = (names(path), folders(path));
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if beside {
        for folder in &mut folders {
            *folder = folder.join("..");
        }
    }
    let within: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| folders_in(folder))
        .collect();
    match beside {
        true => folders = within,
        false => folders.extend(within),
    }
    let names: Vec<&[u8]> = names
        .iter()
        .filter_map(|name| Some(name.file_name()?.as_bytes()))
        .collect();
    let mut all: Vec<Rotated> = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries.take(FILES) {
            let file = file(&entry, &names, is_link);
            all.extend(file.filter(|file| all.iter().all(|one| one.id != file.id)));
        }
    }
    drop_unfinished(&mut all);
    all
}

/// Of a file that is being compressed, the result is not there yet.
fn drop_unfinished(files: &mut Vec<Rotated>) {
    let plain: Vec<(PathBuf, Stamp)> = files
        .iter()
        .filter(|file| !file.is_compressed())
        .filter_map(|file| Some((folder(&file.path), file.stamp.clone()?)))
        .filter(|(_, stamp)| *stamp != Stamp::Other)
        .collect();
    files.retain(|file| {
        let is_it = |(of, stamp): &(PathBuf, Stamp)| {
            *of == folder(&file.path) && file.stamp.as_ref() == Some(stamp)
        };
        !file.is_compressed() || !plain.iter().any(is_it)
    });
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .take(FOLDERS)
        .collect()
}

fn file(entry: &DirEntry, logs: &[&[u8]], is_link: bool) -> Option<Rotated> {
    let metadata = entry
        .metadata()
        .ok()
        .filter(|metadata| metadata.is_file())?;
    let name = entry.file_name();
    let mut stamps = logs.iter().filter_map(|log| {
        let is_alike = || is_link && is_alike(name.as_bytes(), log);
        stamp(name.as_bytes(), log).or_else(|| is_alike().then_some(Stamp::Other))
    });
    Some(Rotated {
        path: entry.path(),
        id: id(&metadata),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        stamp: stamps.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_in_the_order_in_which_they_were_written() {
        let order = |stamps: &[(&str, i64)]| {
            let mut files: Vec<Rotated> = stamps
                .iter()
                .map(|(name, modified)| Rotated {
                    path: name.into(),
                    id: (0, 0),
                    modified: (*modified, 0),
                    stamp: stamp(name.as_bytes(), b"f.log"),
                })
                .collect();
            sort(&mut files);
            let names = files.into_iter().map(|file| file.path.into_os_string());
            names
                .map(|name| name.into_string().unwrap())
                .collect::<Vec<_>>()
        };
        // Whatever has touched the compressed ones since.
        assert_eq!(
            order(&[
                ("f.log.10.gz", 7),
                ("f.log.1", 4),
                ("f.log.2.gz", 5),
                ("f.log.3", 3)
            ]),
            ["f.log.10.gz", "f.log.3", "f.log.2.gz", "f.log.1"]
        );
        assert_eq!(
            order(&[("f.log.2", 5), ("f.log.1", 4), ("f.log.3.gz", 3)]),
            ["f.log.1", "f.log.2", "f.log.3.gz"]
        );
        assert_eq!(
            order(&[("f.log-20261125", 1), ("f.log-20261124.gz", 2)]),
            ["f.log-20261124.gz", "f.log-20261125"]
        );
        assert_eq!(
            order(&[("f.log-20261125", 2), ("f.log.1", 1), ("f.log.2", 1)]),
            ["f.log.2", "f.log.1", "f.log-20261125"]
        );
    }
}
