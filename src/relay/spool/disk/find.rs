//! What a database holds when it is opened, and for which sinks.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{params, Connection};

use super::open::{corrupt, OpenError};
use super::rows::{sum, unsigned};
use crate::error::{Error, Result};
use crate::position::Position;
use crate::relay::identity::SinkIdentity;
use crate::relay::spool::cursor::Cursor;
use crate::relay::spool::sinks::{Fate, Sinks};
use crate::relay::spool::store::{StoreContents, Sum};

/// A sink that was there before.
struct StoredSink {
    identity: SinkIdentity,
    confirmed: i64,
    fate: Fate,
    /// How many alerts wait for it.
    waiting: u64,
}

/// Finds what the database holds, and gives it the sinks that are named now.
pub(super) fn find(
    connection: &mut Connection,
    file: &Path,
    sinks: &Sinks<'_>,
) -> Result<StoreContents, OpenError> {
    let folder = file.parent().unwrap_or(file);
    let transaction = connection.transaction()?;
    let before = stored_sinks(&transaction, sinks)?;
    refuse_missing(folder, &before)?;
    let last = last_number(&transaction)?;
    let oldest = "SELECT coalesce(min(number) - 1, ?) FROM alerts";
    let oldest = transaction.query_row(oldest, [last], |row| row.get(0))?;
    let cursors = set_sinks(&transaction, sinks, &before, (oldest, last))?;
    // A sink that is forgotten may have been the only one that lacked these.
    let free = "DELETE FROM alerts WHERE number <= (SELECT min(confirmed) FROM sinks)";
    let freed = transaction.execute(free, [])?;
    let held = sum(&transaction, i64::MAX)?;
    refuse_gaps(&transaction, unsigned(last), held)?;
    let positions = positions(&transaction)?;
    transaction.commit()?;
    report(folder, sinks, &before, freed);
    Ok(StoreContents {
        held,
        last: unsigned(last),
        cursors,
        positions,
        missing: 0,
    })
}

/// The numbers have no gap, and end with the last one. Otherwise the database is damaged in a way that
/// SQLite doesn't see: as by a log that ends too early, whose later pages are in the database already.
fn refuse_gaps(connection: &Connection, last: u64, held: Sum) -> rusqlite::Result<()> {
    let first = "SELECT min(number) FROM alerts";
    let first: Option<i64> = connection.query_row(first, [], |row| row.get(0))?;
    let expected = first.map_or(0, |first| (last + 1).saturating_sub(unsigned(first)));
    if held.alerts == expected {
        return Ok(());
    }
    Err(corrupt(format!(
        "{} of {expected} alerts are in it",
        held.alerts
    )))
}

fn stored_sinks(connection: &Connection, sinks: &Sinks<'_>) -> rusqlite::Result<Vec<StoredSink>> {
    let stored: Vec<(String, i64)> = {
        let mut rows = connection.prepare("SELECT name, confirmed FROM sinks")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    let names: Vec<String> = stored.iter().map(|(name, _)| name.clone()).collect();
    let fates = sinks.fates(&names).into_iter();
    let waiting = "SELECT count(*) FROM alerts WHERE number > ?";
    let mut waiting = connection.prepare(waiting)?;
    let mut found = Vec::new();
    for ((name, confirmed), fate) in stored.into_iter().zip(fates) {
        found.push(StoredSink {
            identity: sinks.identify(&name),
            confirmed,
            fate,
            waiting: unsigned(waiting.query_row([confirmed], |row| row.get(0))?),
        });
    }
    Ok(found)
}

/// Refuses to lose what waits for sinks that are not named.
fn refuse_missing(folder: &Path, before: &[StoredSink]) -> Result<()> {
    let is_lost = |sink: &&StoredSink| sink.fate == Fate::Missing && sink.waiting > 0;
    let lost: Vec<&StoredSink> = before.iter().filter(is_lost).collect();
    let [first, rest @ ..] = &*lost else {
        return Ok(());
    };
    let mut problem = format!("holds {} alerts for {}", first.waiting, first.identity);
    for sink in rest {
        problem.push_str(&format!(", {} for {}", sink.waiting, sink.identity));
    }
    let (which, it) = match rest {
        [] => ("which is no longer a sink", "it"),
        _ => ("which are no longer sinks", "them"),
    };
    let forget = lost
        .iter()
        .map(|sink| format!(" --forget {}", sink.identity));
    let forget: String = forget.collect();
    let remedy = format!("name {it} again, or drop what waits there with{forget}");
    Err(Error::spool(
        folder,
        (format!("{problem}, {which}"), remedy),
        None,
    ))
}

/// Stores which sinks there are. One that is new begins after `oldest`, as does one that is said to have
/// more than there is.
fn set_sinks(
    connection: &Connection,
    sinks: &Sinks<'_>,
    before: &[StoredSink],
    (oldest, last): (i64, i64),
) -> rusqlite::Result<Vec<Cursor>> {
    connection.execute("DELETE FROM sinks", [])?;
    let mut insert = connection.prepare("INSERT INTO sinks VALUES (?, ?)")?;
    let mut cursors = Vec::with_capacity(sinks.named.len());
    for (index, sink) in sinks.named.iter().enumerate() {
        let same = before.iter().filter(|one| one.fate == Fate::Named(index));
        let confirmed = same.map(|one| one.confirmed).min();
        let confirmed = confirmed.filter(|number| *number <= last).unwrap_or(oldest);
        insert.execute(params![sink.stored(), confirmed])?;
        cursors.push(Cursor::new(sink.stored().to_owned(), unsigned(confirmed)));
    }
    Ok(cursors)
}

fn report(folder: &Path, sinks: &Sinks<'_>, before: &[StoredSink], freed: usize) {
    let say = |what: fmt::Arguments<'_>| log::info!("spool {}: {what}", folder.display());
    for StoredSink {
        identity,
        fate,
        waiting,
        ..
    } in before
    {
        match fate {
            Fate::Named(index) => {
                let named = sinks.named.get(*index);
                if named.is_some_and(|now| now != identity && now.has_address_of(identity)) {
                    say(format_args!(
                        "{identity} goes on where it was; what is secret in its address has changed"
                    ));
                }
            }
            Fate::Forgotten => say(format_args!(
                "{identity} is forgotten, for which {waiting} alerts waited"
            )),
            Fate::Missing => say(format_args!(
                "{identity} is no longer a sink, and no alert waited for it"
            )),
        }
    }
    if freed > 0 && before.iter().any(|sink| sink.fate == Fate::Forgotten) {
        say(format_args!(
            "{freed} alerts are dropped, as they waited for no other sink"
        ));
    }
    let is_known = |sink: &SinkIdentity| before.iter().any(|one| one.identity.has_address_of(sink));
    for sink in sinks.forget.iter().filter(|sink| !is_known(sink)) {
        say(format_args!(
            "{sink}, which is to be forgotten, is not in it"
        ));
    }
}

/// The last number that was given to an alert.
pub(super) fn last_number(connection: &Connection) -> rusqlite::Result<i64> {
    let last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'alerts'";
    connection.query_row(last, [], |row| row.get(0))
}

pub(super) fn positions(connection: &Connection) -> rusqlite::Result<HashMap<Arc<str>, Position>> {
    let mut positions = connection.prepare("SELECT source, position FROM positions")?;
    let rows = positions.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter();
    let known = rows.filter_map(|(source, text)| Some((source, text.parse().ok()?)));
    Ok(known.collect())
}
