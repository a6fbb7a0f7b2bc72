//! The files of a spool, and whether they are still those that were opened.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::extent;

pub(super) const NAME: &str = "spool.sqlite";

/// What is beside a database: SQLite's own files, and how far the spool is.
pub(super) const BESIDE: [&str; 3] = ["-wal", "-shm", extent::END];

/// The path with something appended to its name.
pub(super) fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Where a database is made that is to take the place of this one.
pub(super) fn new_of(file: &Path) -> PathBuf {
    with_end(file, ".new")
}

/// The files of an open database. As long as it is open, no other file gets their inodes.
pub(super) struct OpenFiles(Vec<(PathBuf, Option<FileId>)>);

type FileId = (u64, u64);

fn id(path: &Path) -> Option<FileId> {
    let file = fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

impl OpenFiles {
    /// Of a database that has just been opened, and read.
    pub(super) fn of(file: &Path) -> OpenFiles {
        let beside = BESIDE.iter().map(|end| with_end(file, end));
        let files = std::iter::once(file.to_owned()).chain(beside);
        OpenFiles(files.map(|path| (path.clone(), id(&path))).collect())
    }

    pub(super) fn are_in_place(&self) -> bool {
        let is_in_place = |(path, file): &(PathBuf, Option<FileId>)| {
            // One that was removed before it was seen is not in its place either.
            file.is_some() && id(path) == *file
        };
        self.0.iter().all(is_in_place)
    }

    /// Removes those that are still in their place.
    pub(super) fn remove(&self) -> io::Result<()> {
        let mut own = self.0.iter().filter(|(path, file)| id(path) == *file);
        own.try_for_each(|(path, _)| remove_if_there(path))
    }

    /// Whether the path of the database names another one by now.
    pub(super) fn are_replaced(&self) -> bool {
        let database = self.0.first();
        database.is_some_and(|(path, file)| id(path).is_some_and(|now| Some(now) != *file))
    }
}

/// Takes the place of a database from it. Its files are kept under a name that says why and when.
pub(super) fn set_aside(file: &Path, why: &str) -> io::Result<Option<PathBuf>> {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let kept = with_end(file, &format!(".{why}-{now}"));
    let mut numbers = 2..;
    let mut name = kept.clone();
    while name.symlink_metadata().is_ok() {
        let number = numbers.next().unwrap_or(0);
        name = with_end(&kept, &format!(".{number}"));
    }
    let found = file.symlink_metadata().is_ok();
    for end in std::iter::once("").chain(BESIDE) {
        match fs::rename(with_end(file, end), with_end(&name, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(found.then_some(name))
}

/// The databases that were set aside in this folder.
pub(super) fn kept_aside(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_kept = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let rest = name.strip_prefix(NAME).unwrap_or_default();
        (rest.starts_with(".damaged-") || rest.starts_with(".replaced-"))
            && !BESIDE.iter().any(|end| rest.ends_with(end))
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut kept: Vec<_> = paths.filter(is_kept).collect();
    kept.sort_unstable();
    kept
}

/// Removes a database that is of no use.
pub(super) fn remove(file: &Path) -> io::Result<()> {
    for end in ["", "-journal"].into_iter().chain(BESIDE) {
        remove_if_there(&with_end(file, end))?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts the new database into the place of the one that was there.
pub(super) fn put_in_place(file: &Path) -> io::Result<()> {
    fs::rename(new_of(file), file)?;
    sync_folder(file)
}

fn sync_folder(file: &Path) -> io::Result<()> {
    fs::File::open(file.parent().unwrap_or(file))?.sync_all()
}

/// Finishes what was begun with a new database, which is whole where the old one has left its place.
pub(super) fn finish_replacing(file: &Path) -> io::Result<()> {
    let new = new_of(file);
    match (
        file.symlink_metadata().is_ok(),
        new.symlink_metadata().is_ok(),
    ) {
        (false, true) => put_in_place(file),
        (true, true) => remove(&new),
        (_, false) => Ok(()),
    }
}
