//! Opens or creates the database, for one relay at a time.

use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{flock, FlockOperation, OFlags};
use rustix::io::Errno;

use crate::error::{Cause, Error, Result};

/// The `user_version` of a database with these tables. Version 1 had no checksums.
const SCHEMA: i64 = 2;

/// AUTOINCREMENT keeps the last number even while the table is empty.
const TABLES: &str = "
    CREATE TABLE alerts (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        format INTEGER NOT NULL,
        message BLOB NOT NULL,
        checksum INTEGER
    );
    CREATE TABLE sinks (name TEXT PRIMARY KEY, confirmed INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE positions (source TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
";

/// The value of the pragma `auto_vacuum`.
const INCREMENTAL: i64 = 2;

/// 64 MiB, which are written in little time.
const FEW_PAGES: i64 = 16 << 10;

/// How large the log becomes until SQLite itself makes a checkpoint: 8 MiB. Each takes milliseconds, in
/// which nothing is stored.
const LOG_PAGES: i64 = 2000;

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

/// Why a database cannot be opened.
pub(super) enum OpenError {
    Database(rusqlite::Error),
    Refused(Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> OpenError {
        OpenError::Database(error)
    }
}

impl From<Error> for OpenError {
    fn from(error: Error) -> OpenError {
        OpenError::Refused(error)
    }
}

impl OpenError {
    pub(super) fn of(self, file: &Path) -> Error {
        match self {
            OpenError::Refused(error) => error,
            OpenError::Database(error) => {
                let problem = format!("cannot be used: {error}");
                let remedy = "see to its folder's permissions and the disk";
                refused(file, problem, remedy, error)
            }
        }
    }
}

/// The error of a database with damage that SQLite doesn't find by itself.
pub(super) fn corrupt(problem: String) -> rusqlite::Error {
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(corrupt, Some(problem))
}

/// Whether the database is damaged, or none at all.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let is_short_read = |error: &rusqlite::ffi::Error| {
        // The log or the database was truncated.
        error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ
    };
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    ) || error.sqlite_error().is_some_and(is_short_read)
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

/// Whether the lock of the folder is this one, which is held.
pub(super) fn is_ours(folder: &Path, lock: &File) -> bool {
    let id = |file: &Metadata| (file.dev(), file.ino());
    let there = folder.join("lock").symlink_metadata();
    matches!((&there, &lock.metadata()), (Ok(there), Ok(ours)) if id(there) == id(ours))
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
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // Otherwise a statement is compiled anew each time, for its new limits.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Checks that the database is a spool, or creates the tables in an empty one.
pub(super) fn prepare(connection: &mut Connection, file: &Path) -> Result<(), OpenError> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables = "SELECT count(*) = 0 FROM sqlite_schema";
    let empty = connection.query_row(tables, [], |row| row.get(0))?;
    match (version, empty) {
        (0, true) => {
            create(connection, "WAL")?;
            return Ok(());
        }
        (1 | SCHEMA, _) => {}
        (version, _) => {
            let problem =
                format!("is of version {version} and this program reads version {SCHEMA}");
            let remedy = "let the program that wrote it deliver what is in there, or move all \
                          files of its folder away";
            return Err(Error::spool(file, (problem, remedy), None).into());
        }
    }
    journal(connection, "WAL")?;
    if version == 1 {
        let transaction = connection.transaction()?;
        transaction.execute_batch("ALTER TABLE alerts ADD COLUMN checksum INTEGER")?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
        transaction.commit()?;
    }
    let pages = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let used = pages("page_count")? - pages("freelist_count")?;
    if !gives_back(connection)? && used <= FEW_PAGES {
        // Databases of earlier versions keep their space. To change that, all of it is written anew. On
        // a full disk that fails, and changes nothing.
        connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
        if let Err(error) = connection.execute_batch("VACUUM") {
            log::debug!("spool {}: it keeps its space: {error}", file.display());
        }
    }
    Ok(())
}

/// Whether the database can give back space that it no longer uses.
pub(super) fn gives_back(connection: &Connection) -> rusqlite::Result<bool> {
    let mode = connection.pragma_query_value(None, "auto_vacuum", |row| row.get::<_, i64>(0))?;
    Ok(mode == INCREMENTAL)
}

/// Creates the tables in an empty database.
pub(super) fn create(connection: &mut Connection, journal_mode: &str) -> rusqlite::Result<()> {
    // Before the first page is written.
    connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
    journal(connection, journal_mode)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()
}

/// With `WAL` a commit does not wait for the disk. SQLite itself makes a checkpoint when the log has
/// [grown](LOG_PAGES), which also bounds the log under a steady load.
fn journal(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(()))
}
