//! A store in an SQLite database.

mod checkpoint;
mod copy;
mod database;
mod extent;
mod files;
mod find;
mod open;
mod rows;
mod wal;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::params;
use rustix::fs::{access, Access};

use super::condition::Condition;
use super::contents::Contents;
use super::damage::Damage;
use super::entry::Stored;
use super::failures::Failures;
use super::sinks::Sinks;
use super::store::{Batch, Confirmed, Known, Limit, Rebuilt, Removed, Store, StoreError, Sum};
use crate::error::{Error, Result};
use crate::relay::dead_letters::DeadLetters;
use copy::{copy, Readable};
use database::Database;
use extent::SpoolExtent;
use files::{finish_replacing, kept_aside, put_in_place, set_aside, with_end, NAME};
use open::{connect, is_damage, is_ours, lock, refused, OpenError};
use rows::{confirm, insert, length, make_room, signed, stored, sum};

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError {
            code: error.sqlite_error().map_or(0, |error| error.extended_code),
            is_damage: is_damage(&error),
            cause: error.into(),
        }
    }
}

/// How large the log may remain while nothing is written.
const LARGEST_LOG: u64 = 8 << 20;

/// What is left free on the disk, in addition to the size of the write-ahead log, which has to be
/// copied into the database before its space is used again.
const RESERVE: u64 = 16 << 20;

/// Whether the disk has less room than it takes to remove what was delivered.
pub(super) fn is_short(folder: &Path) -> bool {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        return false;
    };
    let log = fs::metadata(with_end(&folder.join(NAME), "-wal")).map_or(0, |log| log.len());
    let reserve = RESERVE.min(disk.f_blocks.saturating_mul(disk.f_frsize) / 4);
    disk.f_bavail.saturating_mul(disk.f_frsize) < log.saturating_add(reserve)
}

struct Disk {
    folder: PathBuf,
    file: PathBuf,
    open: Option<Database>,
    /// The new database that is to be opened, whole.
    pending: Option<Rebuilt>,
    /// Something was written since the last look.
    is_busy: bool,
    /// Held until the database is closed.
    lock: File,
}

/// Whether a spool can be opened or made there.
pub(super) fn check(folder: &Path) -> Result<()> {
    if folder.exists() {
        return lock(folder).map(drop);
    }
    let mut parents = folder.ancestors().skip(1);
    let parent = parents.find(|parent| parent.as_os_str().is_empty() || parent.exists());
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    access(parent, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        let problem = format!("cannot be created: {error}");
        let remedy = "give a folder that can be written to";
        refused(folder, problem, remedy, error)
    })
}

pub(super) fn open(
    folder: &Path,
    sinks: &Sinks<'_>,
    condition: Condition,
    dead_letters: Arc<DeadLetters>,
) -> Result<Contents> {
    let lock = lock(folder)?;
    let file = folder.join(NAME);
    let failed = |error: io::Error| {
        let problem = format!("cannot be replaced: {error}");
        refused(&file, problem, "see to its folder's permissions", error)
    };
    finish_replacing(&file).map_err(failed)?;
    let mut damage = Damage::new(folder.to_owned(), kept_aside(folder), dead_letters);
    let opened = match Database::open_for(&file, sinks) {
        Err(OpenError::Database(error)) if is_damage(&error) => {
            damage.begin(&error);
            let rebuilt = replace_damaged(&file).map_err(|error| {
                let problem = format!("is damaged, and cannot be replaced: {error}");
                refused(
                    &file,
                    problem,
                    "see to the disk and its free space",
                    error.cause,
                )
            })?;
            damage.end_rebuild(&rebuilt);
            Database::open_for(&file, sinks)
        }
        opened => opened,
    };
    let (database, found) = opened.map_err(|error| error.of(&file))?;
    if found.missing > 0 {
        damage.note_missing(found.missing);
    }
    let disk = Disk {
        folder: folder.to_owned(),
        file: file.clone(),
        open: Some(database),
        pending: None,
        is_busy: true,
        lock,
    };
    Ok(Contents::new(
        Box::new(disk),
        found,
        Failures::new(file),
        condition,
        damage,
    ))
}

/// Sets a damaged database aside, and puts a new one into its place with what can be read of it.
fn replace_damaged(file: &Path) -> Result<Rebuilt, StoreError> {
    let size =
        ["", "-wal"].map(|end| fs::metadata(with_end(file, end)).map_or(0, |file| file.len()));
    let old = connect(file).ok();
    let readable = Readable::of(old.as_ref(), size.iter().sum(), SpoolExtent::read(file));
    let mut rebuilt = copy(old.as_ref(), file, &readable.known())?;
    rebuilt.set_aside = set_aside(file, "damaged").map_err(not_replaced)?;
    // Not before: SQLite removes the log of a database that is in its place.
    drop(old);
    put_in_place(file).map_err(not_replaced)?;
    Ok(rebuilt)
}

fn not_replaced(error: io::Error) -> StoreError {
    StoreError::new(-2, format!("its database cannot be replaced: {error}"))
}

pub(super) fn no_thread(path: &Path, error: io::Error) -> Error {
    let problem = format!("a thread cannot be started: {error}");
    refused(path, problem, "allow more threads", error)
}

impl Disk {
    fn database(&mut self) -> Result<&mut Database, StoreError> {
        self.is_busy = true;
        let missing = || StoreError::new(-3, "its new database is not opened yet".to_owned());
        self.open.as_mut().ok_or_else(missing)
    }

    /// Makes the folder and its lock, if they are missing.
    fn lock_again(&mut self) -> Result<(), StoreError> {
        if !is_ours(&self.folder, &self.lock) {
            self.lock = lock(&self.folder).map_err(|error| {
                StoreError::new(-4, format!("its folder cannot be used again: {error}"))
            })?;
        }
        Ok(())
    }

    /// Takes the old files away from the place of the new ones.
    fn clear_place(&mut self, known: &Known<'_>) -> io::Result<Option<PathBuf>> {
        let is_replaced = self
            .open
            .as_ref()
            .is_some_and(|open| open.files.are_replaced());
        if known.is_damaged && !is_replaced {
            return set_aside(&self.file, "damaged");
        }
        // All of the old ones is in the new one. A log must not stay beside a foreign database.
        if let Some(open) = &self.open {
            open.files.remove()?;
        }
        set_aside(&self.file, "replaced")
    }
}

impl Store for Disk {
    fn store(&mut self, batch: &Batch<'_>) -> Result<Removed, StoreError> {
        let database = self.database()?;
        let transaction = database.begin()?;
        let free = match &batch.confirmed {
            None => Sum::default(),
            Some(confirmed) => confirm(&transaction, confirmed)?,
        };
        let evicted = match batch.make_room {
            0 => Sum::default(),
            bytes => make_room(&transaction, bytes)?,
        };
        for (number, alert) in (batch.first..).zip(&batch.alerts) {
            let message = &alert.message;
            insert(
                &transaction,
                number,
                &alert.source,
                message.format,
                &message.bytes,
            )?;
        }
        {
            let position = "INSERT OR REPLACE INTO positions VALUES (?, ?)";
            let mut set_position = transaction.prepare_cached(position)?;
            for (source, position) in &batch.positions {
                set_position.execute(params![source, position.to_string()])?;
            }
        }
        transaction.commit()?;
        let last = batch.first + (batch.alerts.len() as u64).saturating_sub(1);
        let last = (!batch.alerts.is_empty()).then_some(last);
        let gone = free.alerts + evicted.alerts;
        database.extent.advance(last, gone);
        database.committed();
        Ok(Removed { free, evicted })
    }

    fn confirm(&mut self, confirmed: &Confirmed) -> Result<Sum, StoreError> {
        let database = self.database()?;
        let transaction = database.begin()?;
        let gone = confirm(&transaction, confirmed)?;
        transaction.commit()?;
        database.extent.advance(None, gone.alerts);
        database.committed();
        Ok(gone)
    }

    fn is_on_disk(&self) -> bool {
        true
    }

    fn read(&mut self, after: u64, mut limit: Limit) -> Result<Vec<Stored>, StoreError> {
        let next = "SELECT number, source, format, message, checksum, length(message) FROM alerts
                    WHERE number > ? ORDER BY number LIMIT ?";
        let mut next = self.database()?.connection.prepare_cached(next)?;
        let most = signed(limit.alerts as u64);
        let mut rows = next.query([signed(after), most])?;
        let mut found = Vec::new();
        loop {
            match rows.next() {
                Ok(Some(row)) if limit.admits(length(row, 5)) => found.push(stored(row)?),
                // What precedes the damage can be delivered.
                Err(error) if found.is_empty() => return Err(error.into()),
                Ok(_) | Err(_) => return Ok(found),
            }
        }
    }

    fn bury(&mut self, number: u64) -> Result<(), StoreError> {
        let database = self.database()?;
        rows::bury(&database.connection, number)?;
        database.committed();
        Ok(())
    }

    fn is_in_place(&mut self) -> bool {
        let is_in_place = |open: &Database| open.files.are_in_place();
        self.open.as_ref().is_some_and(is_in_place) && is_ours(&self.folder, &self.lock)
    }

    fn rebuild(&mut self, known: &Known<'_>) -> Result<Rebuilt, StoreError> {
        self.lock_again()?;
        if let (Some(open), false) = (&self.open, known.is_damaged) {
            if open.files.are_in_place() {
                return Ok(Rebuilt {
                    held: sum(&open.connection, i64::MAX)?,
                    ..Rebuilt::default()
                });
            }
        }
        let is_whole = files::new_of(&self.file).exists() && self.open.is_none();
        let rebuilt = match self.pending.take().filter(|_| is_whole) {
            Some(rebuilt) => rebuilt,
            None => {
                let old = self.open.as_ref().map(|open| &open.connection);
                let mut rebuilt = copy(old, &self.file, known)?;
                rebuilt.set_aside = self.clear_place(known).map_err(not_replaced)?;
                rebuilt
            }
        };
        // Not before: SQLite removes the log of a database that is in its place.
        self.open = None;
        let opened = put_in_place(&self.file)
            .map_err(not_replaced)
            .and_then(|()| {
                let extent = SpoolExtent {
                    last: known.last,
                    gone: known.last.saturating_sub(rebuilt.held.alerts),
                };
                let connection = Database::prepare(&self.file);
                let opened = connection
                    .and_then(|connection| Database::start(&self.file, connection, extent));
                opened.map_err(|error| StoreError::new(-5, error.of(&self.file).to_string()))
            });
        match opened {
            Ok(database) => {
                self.open = Some(database);
                Ok(rebuilt)
            }
            Err(error) => {
                self.pending = Some(rebuilt);
                Err(error)
            }
        }
    }

    fn finish(&mut self) {
        if let Some(database) = &self.open {
            database.empty_log();
        }
    }

    fn shrink(&mut self) -> Result<bool, StoreError> {
        let was_busy = std::mem::take(&mut self.is_busy);
        let Some(database) = &self.open else {
            return Ok(false);
        };
        let has_more = database.shrink()?;
        if has_more {
            database.committed();
        } else if !was_busy {
            let log = fs::metadata(with_end(&self.file, "-wal")).map_or(0, |log| log.len());
            if log > LARGEST_LOG {
                database.empty_log();
            }
        }
        Ok(has_more)
    }
}
