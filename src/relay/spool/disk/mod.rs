//! A store in an SQLite database.

mod checkpoint;
mod find;
mod open;
mod rows;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{params, Connection};
use rustix::fs::{access, Access};

use super::condition::Condition;
use super::contents::Contents;
use super::entry::Entry;
use super::failures::Failures;
use super::sinks::Sinks;
use super::store::{Batch, Limit, Store, StoreError, Sum};
use crate::error::Result;
use checkpoint::Checkpointer;
use find::find;
use open::{connect, lock, prepare, private, refused, unusable};
use rows::{entry, length, make_room, number_of, remove, signed, sum};

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError {
            code: error.sqlite_error().map_or(0, |error| error.extended_code),
            cause: error.into(),
        }
    }
}

/// What is left free on the disk, in addition to the size of the write-ahead log, which has to be
/// copied into the database before its space is used again.
const RESERVE: u64 = 16 << 20;

/// Whether the disk has less room than it takes to remove what was delivered.
pub(super) fn is_short(folder: &Path) -> bool {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        return false;
    };
    let log = fs::metadata(folder.join("spool.sqlite-wal")).map_or(0, |log| log.len());
    let reserve = RESERVE.min(disk.f_blocks.saturating_mul(disk.f_frsize) / 4);
    disk.f_bavail.saturating_mul(disk.f_frsize) < log.saturating_add(reserve)
}

struct Disk {
    /// None while it is dropped, before the connection.
    checkpointer: Option<Checkpointer>,
    connection: Connection,
    /// Held until the connection is closed.
    _lock: File,
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

pub(super) fn open(folder: &Path, sinks: &Sinks<'_>, condition: Condition) -> Result<Contents> {
    let lock = lock(folder)?;
    let file = folder.join("spool.sqlite");
    private(&file)?;
    for end in ["-wal", "-shm"] {
        let left = with_end(&file, end);
        if left.exists() {
            private(&left)?;
        }
    }
    let mut connection = connect(&file).map_err(|error| unusable(&file, error))?;
    prepare(&mut connection, &file)?;
    let found = find(&mut connection, &file, sinks)?;
    let second = connect(&file).map_err(|error| unusable(&file, error))?;
    let checkpointer = Checkpointer::start(second, Failures::new(file.clone()));
    let checkpointer = checkpointer.map_err(|error| {
        let problem = format!("a thread cannot be started: {error}");
        refused(&file, problem, "allow more threads", error)
    })?;
    let disk = Disk {
        checkpointer: Some(checkpointer),
        connection,
        _lock: lock,
    };
    let failures = Failures::new(file);
    Ok(Contents::new(Box::new(disk), found, failures, condition))
}

/// The path of one of the files that SQLite keeps beside the database.
fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

impl Disk {
    fn committed(&self) {
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.request();
        }
    }
}

impl Store for Disk {
    fn store(&mut self, batch: &Batch<'_>) -> Result<Sum, StoreError> {
        let transaction = self.connection.transaction()?;
        let gone = match batch.make_room {
            0 => Sum::default(),
            bytes => make_room(&transaction, bytes)?,
        };
        {
            let insert = "INSERT INTO alerts VALUES (?, ?, ?, ?)";
            let mut insert = transaction.prepare_cached(insert)?;
            for (number, alert) in (batch.first..).zip(&batch.alerts) {
                let message = &alert.message;
                insert.execute(params![
                    signed(number),
                    &*alert.source,
                    number_of(message.format),
                    message.bytes.as_slice()
                ])?;
            }
            let position = "INSERT OR REPLACE INTO positions VALUES (?, ?)";
            let mut set_position = transaction.prepare_cached(position)?;
            for (source, position) in &batch.positions {
                set_position.execute(params![source, position.to_string()])?;
            }
        }
        transaction.commit()?;
        self.committed();
        Ok(gone)
    }

    fn confirm(&mut self, sinks: &[(&str, u64)], free: u64) -> Result<Sum, StoreError> {
        let transaction = self.connection.transaction()?;
        {
            let confirm = "UPDATE sinks SET confirmed = ? WHERE name = ?";
            let mut confirm = transaction.prepare_cached(confirm)?;
            for (name, confirmed) in sinks {
                confirm.execute(params![signed(*confirmed), name])?;
            }
        }
        let gone = sum(&transaction, signed(free))?;
        if gone.alerts > 0 {
            remove(&transaction, signed(free))?;
        }
        transaction.commit()?;
        self.committed();
        Ok(gone)
    }

    fn read(&mut self, after: u64, mut limit: Limit) -> Result<Vec<Entry>, StoreError> {
        let next = "SELECT number, source, format, message, length(message) FROM alerts
                    WHERE number > ? ORDER BY number LIMIT ?";
        let mut next = self.connection.prepare_cached(next)?;
        let most = signed(limit.alerts as u64);
        let mut rows = next.query([signed(after), most])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            if !limit.admits(length(row, 4)?) {
                break;
            }
            entries.push(entry(row)?);
        }
        Ok(entries)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.checkpointer.take());
        // If it fails, SQLite does it when the database is opened again.
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let _ = self.connection.query_row(checkpoint, [], |_| Ok(()));
    }
}
