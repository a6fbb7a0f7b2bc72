//! Opens or creates the database, for one relay at a time.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{flock, FlockOperation, OFlags};
use rustix::io::Errno;

use crate::error::{Cause, Error, Result};

/// The `user_version` of a database with these tables.
const SCHEMA: i64 = 1;

/// AUTOINCREMENT keeps the last number even while the table is empty.
const TABLES: &str = "
    CREATE TABLE alerts (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        format INTEGER NOT NULL,
        message BLOB NOT NULL
    );
    CREATE TABLE sinks (name TEXT PRIMARY KEY, confirmed INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE positions (source TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
";

/// How long to wait for another writer: the folder is locked, so that it can only be a person.
const BUSY: Duration = Duration::from_millis(250);

pub(super) fn refused(
    path: &Path,
    problem: String,
    remedy: &'static str,
    source: impl Into<Cause>,
) -> Error {
    Error::spool(path, (problem, remedy), Some(source.into()))
}

pub(super) fn unusable(file: &Path, error: rusqlite::Error) -> Error {
    let (problem, remedy) = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => (
            format!("is no database, or a damaged one: {error}"),
            "move all files of its folder away, and a new spool is begun (what is in this one is \
             not delivered then)",
        ),
        _ => (
            format!("cannot be used: {error}"),
            "see to its folder's permissions and the disk",
        ),
    };
    refused(file, problem, remedy, error)
}

/// Locks the folder against other relays, and creates it if it is missing.
pub(super) fn lock(folder: &Path) -> Result<File> {
    // Alerts are confidential.
    let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    created.map_err(|error| {
        let problem = format!("cannot be created: {error}");
        refused(
            folder,
            problem,
            "give a folder that can be written to",
            error,
        )
    })?;
    refuse_writable_by_others(folder)?;
    let file = private(&folder.join("lock"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(error) => {
            let (problem, remedy) = match error {
                Errno::WOULDBLOCK => (
                    "is in use by another relay".to_owned(),
                    "stop that one, or give each its own folder",
                ),
                _ => (
                    format!("cannot be locked: {error}"),
                    "give a folder on a local disk",
                ),
            };
            Err(refused(folder, problem, remedy, error))
        }
    }
}

/// Who may write to a folder can replace its files. With the sticky bit only their owner can.
fn refuse_writable_by_others(folder: &Path) -> Result<()> {
    let mode = folder.metadata().map(|folder| folder.permissions().mode());
    match mode {
        Ok(mode) if mode & 0o022 == 0 || mode & 0o1000 != 0 => Ok(()),
        Ok(mode) => {
            let problem = format!("may be written to by others (mode {:o})", mode & 0o7777);
            let remedy = "chmod go-w it, or give a folder in it that is not there yet, which is \
                          created for this user alone";
            Err(Error::spool(folder, (problem, remedy), None))
        }
        Err(error) => {
            let problem = format!("cannot be read: {error}");
            Err(refused(folder, problem, "see to its permissions", error))
        }
    }
}

/// Opens or creates a file that only this user may read, also in a folder that others may read.
/// SQLite gives its other files the permissions of the database.
pub(super) fn private(path: &Path) -> Result<File> {
    let open = || -> io::Result<File> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32)
            .open(path)?;
        if file.metadata()?.permissions().mode() & 0o7777 != 0o600 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(file)
    };
    open().map_err(|error| {
        let problem = format!("cannot be opened: {error}");
        let remedy = "give a folder of this user that can be written to";
        refused(path, problem, remedy, error)
    })
}

pub(super) fn connect(file: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_URI, so that a path is never taken for a URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Checks that the database is a spool, or creates the tables in an empty one.
pub(super) fn prepare(connection: &mut Connection, file: &Path) -> Result<()> {
    let inspect = || -> rusqlite::Result<(i64, bool)> {
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let tables = "SELECT count(*) = 0 FROM sqlite_schema";
        let empty = connection.query_row(tables, [], |row| row.get(0))?;
        Ok((version, empty))
    };
    let (version, empty) = inspect().map_err(|error| unusable(file, error))?;
    if version != SCHEMA && !(version == 0 && empty) {
        let problem = format!("is of version {version} and this program reads version {SCHEMA}");
        let remedy =
            "let the program that wrote it deliver what is in there, or move all files of \
                      its folder away";
        return Err(Error::spool(file, (problem, remedy), None));
    }
    let mut make = || -> rusqlite::Result<()> {
        // A commit does not wait for the disk. SQLite itself makes a checkpoint when the log has
        // grown to 1000 pages, which also bounds the log under a steady load.
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        if empty {
            let transaction = connection.transaction()?;
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", SCHEMA)?;
            transaction.commit()?;
        }
        Ok(())
    };
    make().map_err(|error| unusable(file, error))
}
