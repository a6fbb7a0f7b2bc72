//! Copies what can be read of a database into a new one.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{params, Connection, Row, Statement};

use super::extent::SpoolExtent;
use super::files::{new_of, remove};
use super::find::{last_number, positions};
use super::open::{connect, create, private};
use super::rows::{bury, signed, unsigned};
use crate::position::Position;
use crate::relay::spool::store::{Known, Rebuilt, StoreError};

/// After so many failures in a row, the steps between two attempts become larger.
const FAILURES: u32 = 4096;

/// The largest such step, as a power of two, after which the rest counts as unreadable.
const STEPS: u32 = 20;

/// What a database knows of itself, as far as it can be read.
pub(super) struct Readable {
    gone: Option<u64>,
    last: u64,
    sinks: Vec<(String, u64)>,
    positions: HashMap<Arc<str>, Position>,
}

impl Readable {
    /// `bytes` is its size, which bounds how many alerts it can hold. What it doesn't tell is taken from
    /// the extent.
    pub(super) fn of(
        database: Option<&Connection>,
        bytes: u64,
        extent: Option<SpoolExtent>,
    ) -> Readable {
        let Some(database) = database else {
            return Readable {
                gone: extent.map(|extent| extent.gone),
                last: extent.unwrap_or_default().last,
                sinks: Vec::new(),
                positions: HashMap::new(),
            };
        };
        let number = |query: &str| -> Option<u64> {
            let number: Option<i64> = database.query_row(query, [], |row| row.get(0)).ok()?;
            number.map(unsigned)
        };
        let first = number("SELECT min(number) FROM alerts");
        let highest = number("SELECT max(number) FROM alerts").unwrap_or(0);
        let last = last_number(database).map_or(0, unsigned);
        // A number that cannot be is damaged, too.
        let is_possible = |number: &u64| *number <= highest.max(first.unwrap_or(0)) + bytes / 8;
        let last = Some(last).filter(is_possible).unwrap_or(0).max(highest);
        let last = last.max(extent.unwrap_or_default().last);
        let sinks = sinks(database).unwrap_or_default().into_iter();
        let sinks: Vec<_> = sinks.filter(|(_, confirmed)| *confirmed <= last).collect();
        let confirmed = sinks.iter().map(|(_, confirmed)| *confirmed).min();
        Readable {
            gone: confirmed
                .max(extent.map(|extent| extent.gone))
                .or(first.map(|first| first.saturating_sub(1))),
            last,
            sinks,
            positions: positions(database).unwrap_or_default(),
        }
    }

    pub(super) fn known(&self) -> Known<'_> {
        let sinks = self.sinks.iter();
        Known {
            is_damaged: true,
            gone: self.gone,
            last: self.last,
            sinks: sinks
                .map(|(name, number)| (name.as_str(), *number))
                .collect(),
            positions: &self.positions,
        }
    }
}

fn sinks(database: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut rows = database.prepare("SELECT name, confirmed FROM sinks")?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
    rows.collect()
}

/// Makes a new database beside `file`, with what can be read of the old one. It is synced, and closed.
pub(super) fn copy(
    old: Option<&Connection>,
    file: &Path,
    known: &Known<'_>,
) -> Result<Rebuilt, StoreError> {
    let new = new_of(file);
    let failed = |error: std::io::Error| {
        let problem = format!("{} cannot be written: {error}", new.display());
        StoreError::new(-1, problem)
    };
    remove(&new).map_err(failed)?;
    let synced = private(&new).map_err(|error| StoreError::new(-1, error.to_string()))?;
    let copied = fill(old, &new, known);
    match copied {
        Ok(copied) => {
            synced.sync_all().map_err(failed)?;
            Ok(copied)
        }
        Err(error) => {
            // Its space may be what is missing.
            let _ = File::set_len(&synced, 0);
            let _ = remove(&new);
            Err(StoreError {
                is_damage: false,
                ..error.into()
            })
        }
    }
}

fn fill(old: Option<&Connection>, new: &Path, known: &Known<'_>) -> rusqlite::Result<Rebuilt> {
    let mut to = connect(new)?;
    // It is of no use before it is whole.
    to.pragma_update(None, "synchronous", "OFF")?;
    create(&mut to, "OFF")?;
    let transaction = to.transaction()?;
    let mut copy = Copying {
        to: &transaction,
        next: known.gone.map(|gone| gone + 1),
        done: Rebuilt {
            may_have_more: known.gone.is_none(),
            ..Rebuilt::default()
        },
    };
    if let Some(old) = old {
        copy.rows(old, known.last)?;
    }
    if copy.next.is_some() {
        copy.bury_up_to(known.last)?;
    }
    let rebuilt = copy.done;
    let mut sink = transaction.prepare("INSERT INTO sinks VALUES (?, ?)")?;
    for (name, confirmed) in &known.sinks {
        sink.execute(params![name, signed(*confirmed)])?;
    }
    let mut source = transaction.prepare("INSERT INTO positions VALUES (?, ?)")?;
    for (name, position) in known.positions {
        source.execute(params![name, position.to_string()])?;
    }
    drop((sink, source));
    transaction.execute("DELETE FROM sqlite_sequence", [])?;
    let last = "INSERT INTO sqlite_sequence VALUES ('alerts', ?)";
    transaction.execute(last, [signed(known.last)])?;
    transaction.commit()?;
    Ok(rebuilt)
}

struct Copying<'a> {
    to: &'a Connection,
    /// The next number, once the first is known.
    next: Option<u64>,
    done: Rebuilt,
}

impl Copying<'_> {
    /// Copies the alerts up to `last`. Where some cannot be read, those that follow are looked for.
    fn rows(&mut self, old: &Connection, last: u64) -> rusqlite::Result<()> {
        let columns = ["checksum", "NULL"];
        let query = |checksum: &str| {
            format!(
                "SELECT number, source, format, message, {checksum} FROM alerts
                 WHERE number >= ? ORDER BY number"
            )
        };
        let Some(mut select) = columns
            .iter()
            .find_map(|name| old.prepare(&query(name)).ok())
        else {
            self.done.may_have_more = true;
            return Ok(());
        };
        let (mut from, mut failures) = (self.next.unwrap_or(1).max(1), 0);
        while from <= last && failures < FAILURES * STEPS {
            match self.rows_from(&mut select, from, last)? {
                RowsRead::End => return Ok(()),
                RowsRead::Failed { after } if after >= from => (from, failures) = (after + 1, 0),
                RowsRead::Failed { .. } => {
                    failures += 1;
                    from = from.saturating_add(1 << (failures / FAILURES));
                }
            }
        }
        Ok(())
    }

    fn rows_from(
        &mut self,
        select: &mut Statement<'_>,
        from: u64,
        last: u64,
    ) -> rusqlite::Result<RowsRead> {
        let mut after = from.saturating_sub(1);
        let Ok(mut rows) = select.query([signed(from)]) else {
            return Ok(RowsRead::Failed { after });
        };
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let number = unsigned(row.get(0).unwrap_or(0));
                    if number > last {
                        return Ok(RowsRead::End);
                    }
                    if number <= after {
                        // A damaged tree may lead anywhere.
                        return Ok(RowsRead::Failed { after });
                    }
                    self.row(number, row)?;
                    after = number;
                }
                Ok(None) => return Ok(RowsRead::End),
                Err(_) => return Ok(RowsRead::Failed { after }),
            }
        }
    }

    /// Copies a row as it is: its checksum tells later whether it is damaged.
    fn row(&mut self, number: u64, row: &Row<'_>) -> rusqlite::Result<()> {
        if self.next.is_some_and(|next| number < next) {
            return Ok(());
        }
        if self.next.is_some() {
            self.bury_up_to(number.saturating_sub(1))?;
        }
        let column = |index| row.get_ref(index).unwrap_or(ValueRef::Null);
        let values = [1, 2, 3, 4].map(column);
        let insert = "INSERT INTO alerts (number, source, format, message, checksum)
                      VALUES (?, ?, ?, ?, ?)";
        let mut insert = self.to.prepare_cached(insert)?;
        let [source, format, message, checksum] = values.map(ToSqlOutput::Borrowed);
        match insert.execute(params![signed(number), source, format, message, checksum]) {
            Ok(_) => {
                let bytes = match column(3) {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
                    _ => 0,
                };
                self.done.held.add(bytes);
            }
            // A value that must not be missing is.
            Err(error) if is_constraint(&error) => self.bury(number)?,
            Err(error) => return Err(error),
        }
        self.next = Some(number + 1);
        Ok(())
    }

    /// Keeps the numbers of alerts that are lost.
    fn bury_up_to(&mut self, last: u64) -> rusqlite::Result<()> {
        let next = self.next.unwrap_or(last);
        for number in next..=last {
            self.bury(number)?;
        }
        self.next = Some(next.max(last + 1));
        Ok(())
    }

    fn bury(&mut self, number: u64) -> rusqlite::Result<()> {
        bury(self.to, number)?;
        self.done.held.add(0);
        self.done.lost += 1;
        Ok(())
    }
}

/// How far rows could be read.
enum RowsRead {
    /// There are no more rows.
    End,
    /// What follows this number cannot be read.
    Failed { after: u64 },
}

fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}
