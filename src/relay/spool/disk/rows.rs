//! The rows of the table of alerts.

use rusqlite::{Connection, Row};

use crate::alert::Format;
use crate::relay::spool::entry::Entry;
use crate::relay::spool::store::Sum;

/// The sum of the alerts up to this number, without reading their bytes.
pub(super) fn sum(connection: &Connection, number: i64) -> rusqlite::Result<Sum> {
    let mut gone = Sum::default();
    let lengths = "SELECT length(message) FROM alerts WHERE number <= ?";
    let mut lengths = connection.prepare_cached(lengths)?;
    let mut rows = lengths.query([number])?;
    while let Some(row) = rows.next()? {
        gone.add(length(row, 0)?);
    }
    Ok(gone)
}

pub(super) fn remove(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let mut remove = connection.prepare_cached("DELETE FROM alerts WHERE number <= ?")?;
    remove.execute([number]).map(|_| ())
}

/// Removes the oldest alerts, until they have freed this number of bytes.
pub(super) fn make_room(connection: &Connection, bytes: u64) -> rusqlite::Result<Sum> {
    let mut gone = Sum::default();
    let mut last = 0;
    let oldest = "SELECT number, length(message) FROM alerts ORDER BY number";
    let mut oldest = connection.prepare_cached(oldest)?;
    let mut rows = oldest.query([])?;
    while gone.bytes < bytes {
        let Some(row) = rows.next()? else { break };
        last = row.get(0)?;
        gone.add(length(row, 1)?);
    }
    drop(rows);
    remove(connection, last)?;
    Ok(gone)
}

/// The length of a message, which is at most 2 GiB in SQLite.
pub(super) fn length(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    row.get::<_, u32>(column).map(|length| length as usize)
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        number: unsigned(row.get(0)?),
        source: row.get(1)?,
        format: format_of(row.get(2)?),
        bytes: row.get(3)?,
    })
}

/// The value of the column `format`.
pub(super) fn number_of(format: Format) -> i64 {
    match format {
        Format::Grpc => 0,
        Format::JsonLine => 1,
    }
}

fn format_of(number: i64) -> Format {
    match number {
        1 => Format::JsonLine,
        _ => Format::Grpc,
    }
}

/// SQLite's integers are signed. At a million alerts a second they last for 292,000 years.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
