//! An open database, which is synced in the background and gives its space back.

use std::ops::Deref;
use std::path::Path;

use rusqlite::Connection;

use super::checkpoint::Checkpointer;
use super::extent::{ExtentFile, SpoolExtent};
use super::files::{with_end, OpenFiles, BESIDE};
use super::find::find;
use super::no_thread;
use super::open::{connect, corrupt, gives_back, prepare, private, refused, OpenError};
use super::wal::mend;
use crate::relay::spool::failures::Failures;
use crate::relay::spool::sinks::Sinks;
use crate::relay::spool::store::StoreContents;

/// How many unused pages of 4 KiB a database keeps, in addition to an eighth of it.
const UNUSED: i64 = 1024;

/// How many of them are given back in one step.
const STEP: i64 = 512;

/// An open database.
pub(super) struct Database {
    /// None while it is dropped, before the connection.
    checkpointer: Option<Checkpointer>,
    pub connection: Connection,
    pub files: OpenFiles,
    pub extent: ExtentFile,
    gives_back: bool,
}

impl Database {
    pub(super) fn open_for(
        file: &Path,
        sinks: &Sinks<'_>,
    ) -> std::result::Result<(Database, StoreContents), OpenError> {
        let was_mended = mend(file).map_err(|error| {
            let problem = format!("cannot be read: {error}");
            refused(&with_end(file, "-wal"), problem, "see to the disk", error)
        })?;
        let mut connection = Database::prepare(file)?;
        if was_mended {
            log::error!(
                "spool {}: its -wal was damaged, and is read past the damage",
                file.parent().unwrap_or(file).display()
            );
            quick_check(&connection)?;
        }
        let mut found = find(&mut connection, file, sinks)?;
        let extent = SpoolExtent::read(file).unwrap_or_default();
        found.missing = extent.missing_after(found.last);
        let extent = SpoolExtent {
            last: found.last,
            gone: found.last.saturating_sub(found.held.alerts),
        };
        Ok((Database::start(file, connection, extent)?, found))
    }

    pub(super) fn prepare(file: &Path) -> std::result::Result<Connection, OpenError> {
        private(file)?;
        for end in BESIDE {
            let left = with_end(file, end);
            if left.exists() {
                private(&left)?;
            }
        }
        let mut connection = connect(file)?;
        prepare(&mut connection, file)?;
        Ok(connection)
    }

    pub(super) fn start(
        file: &Path,
        connection: Connection,
        extent: SpoolExtent,
    ) -> std::result::Result<Database, OpenError> {
        let second = connect(file)?;
        let checkpointer = Checkpointer::start(second, Failures::new(file.to_owned()));
        let gives_back = gives_back(&connection)?;
        let extent = ExtentFile::open(file, extent)?;
        Ok(Database {
            checkpointer: Some(checkpointer.map_err(|error| no_thread(file, error))?),
            files: OpenFiles::of(file),
            extent,
            gives_back,
            connection,
        })
    }

    /// Begins a transaction, with statements that are compiled once.
    pub(super) fn begin(&self) -> rusqlite::Result<Transaction<'_>> {
        let connection = &self.connection;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Transaction(connection))
    }

    pub(super) fn committed(&self) {
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.request();
        }
    }

    /// Gives back some space. Returns whether there is more.
    pub(super) fn shrink(&self) -> rusqlite::Result<bool> {
        let connection = &self.connection;
        let pages = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let unused = pages("freelist_count")?;
        if !self.gives_back || unused <= UNUSED + pages("page_count")? / 8 {
            return Ok(false);
        }
        let vacuum = format!("PRAGMA incremental_vacuum({STEP})");
        let mut vacuum = self.connection.prepare_cached(&vacuum)?;
        let mut steps = vacuum.query([])?;
        while steps.next()?.is_some() {}
        Ok(true)
    }

    /// Copies the log into the database and empties it.
    pub(super) fn empty_log(&self) {
        // If it fails, SQLite does it when the database is opened again.
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let _ = self.connection.query_row(checkpoint, [], |_| Ok(()));
    }
}

/// Is rolled back unless it is committed.
pub(super) struct Transaction<'a>(&'a Connection);

impl Transaction<'_> {
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(|_| ())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // SQLite itself ends it after some failures.
        if !self.0.is_autocommit() {
            // Where it fails, the next one fails, which is reported.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// Refuses a database that is damaged in its structure.
fn quick_check(connection: &Connection) -> rusqlite::Result<()> {
    let check = "PRAGMA quick_check(1)";
    let found: String = connection.query_row(check, [], |row| row.get(0))?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(corrupt(found)),
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.checkpointer.take());
        if self.files.are_in_place() {
            self.empty_log();
        }
    }
}
