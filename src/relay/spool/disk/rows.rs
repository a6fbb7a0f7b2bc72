//! The rows of the table of alerts.

use rusqlite::types::ValueRef;
use rusqlite::{params, Connection, Row};

use crate::alert::Format;
use crate::relay::spool::entry::{DamagedAlert, Entry, Stored};
use crate::relay::spool::store::{Confirmed, Sum};

/// The `format` of a row whose alert is lost, so that the numbers have no gap.
const LOST: i64 = -1;

/// The sum of the alerts up to this number, without reading their bytes.
pub(super) fn sum(connection: &Connection, number: i64) -> rusqlite::Result<Sum> {
    let mut gone = Sum::default();
    let lengths = "SELECT length(message) FROM alerts WHERE number <= ?";
    let mut lengths = connection.prepare_cached(lengths)?;
    let mut rows = lengths.query([number])?;
    while let Some(row) = rows.next()? {
        gone.add(length(row, 0));
    }
    Ok(gone)
}

/// Stores how far the sinks are, and removes what all of them have. Returns what was removed.
pub(super) fn confirm(connection: &Connection, confirmed: &Confirmed) -> rusqlite::Result<Sum> {
    let set = "UPDATE sinks SET confirmed = ? WHERE name = ?";
    let mut set = connection.prepare_cached(set)?;
    for (name, number) in &confirmed.sinks {
        set.execute(params![signed(*number), name])?;
    }
    let gone = sum(connection, signed(confirmed.free))?;
    if gone.alerts > 0 {
        remove(connection, signed(confirmed.free))?;
    }
    Ok(gone)
}

fn remove(connection: &Connection, number: i64) -> rusqlite::Result<()> {
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
        gone.add(length(row, 1));
    }
    drop(rows);
    remove(connection, last)?;
    Ok(gone)
}

/// The length of a message, which is at most 2 GiB in SQLite. A damaged one may have none.
pub(super) fn length(row: &Row<'_>, column: usize) -> usize {
    row.get::<_, u32>(column)
        .map_or(0, |length| length as usize)
}

pub(super) fn insert(
    connection: &Connection,
    number: u64,
    source: &str,
    format: Format,
    message: &[u8],
) -> rusqlite::Result<()> {
    let (number, format) = (signed(number), number_of(format));
    let checksum = checksum(number, source.as_bytes(), format, message);
    let insert = "INSERT INTO alerts (number, source, format, message, checksum)
                  VALUES (?, ?, ?, ?, ?)";
    let mut insert = connection.prepare_cached(insert)?;
    insert.execute(params![number, source, format, message, checksum])?;
    Ok(())
}

/// Puts a row without an alert in the place of one that is lost.
pub(super) fn bury(connection: &Connection, number: u64) -> rusqlite::Result<()> {
    let number = signed(number);
    let lost = checksum(number, &[], LOST, &[]);
    let replace = "INSERT OR REPLACE INTO alerts (number, source, format, message, checksum)
                   VALUES (?, '', ?, x'', ?)";
    let mut replace = connection.prepare_cached(replace)?;
    replace.execute(params![number, LOST, lost])?;
    Ok(())
}

/// What a row holds: the columns `number`, `source`, `format`, `message` and `checksum`. A damaged row
/// may hold anything.
pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let number: i64 = row.get(0)?;
    let format = row.get_ref(2)?.as_i64().ok();
    let (source, message) = (bytes(row.get_ref(1)?), bytes(row.get_ref(3)?));
    let is_as_stored = match (row.get_ref(4)?, format) {
        (ValueRef::Integer(sum), Some(format)) => sum == checksum(number, source, format, message),
        // It was stored by a version without checksums.
        (ValueRef::Null, Some(_)) => true,
        _ => false,
    };
    let number = unsigned(number);
    let format = format.map(|format| (format, format_of(format)));
    Ok(match (format, std::str::from_utf8(source)) {
        (Some((LOST, _)), _) if is_as_stored => Stored::Lost(number),
        (Some((_, Some(format))), Ok(source)) if is_as_stored => Stored::Alert(Entry {
            number,
            source: source.into(),
            format,
            bytes: message.into(),
        }),
        (format, _) => Stored::Damaged(DamagedAlert {
            number,
            source: String::from_utf8_lossy(source).into_owned(),
            format: format
                .and_then(|(_, format)| format)
                .unwrap_or(Format::Grpc),
            bytes: message.to_owned(),
        }),
    })
}

fn bytes(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => &[],
    }
}

fn checksum(number: i64, source: &[u8], format: i64, message: &[u8]) -> i64 {
    let mut checksum = crc32fast::Hasher::new();
    for number in [number, format, source.len() as i64] {
        checksum.update(&number.to_le_bytes());
    }
    checksum.update(source);
    checksum.update(message);
    checksum.finalize().into()
}

/// The value of the column `format`.
fn number_of(format: Format) -> i64 {
    match format {
        Format::Grpc => 0,
        Format::JsonLine => 1,
    }
}

fn format_of(number: i64) -> Option<Format> {
    match number {
        0 => Some(Format::Grpc),
        1 => Some(Format::JsonLine),
        _ => None,
    }
}

/// SQLite's integers are signed. At a million alerts a second they last for 292,000 years.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
