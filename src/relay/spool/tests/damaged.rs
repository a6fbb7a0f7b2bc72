//! Alerts and databases that are not as they were stored.

use std::fs;
use std::os::unix::fs::FileExt as _;

use rusqlite::Connection;

use super::on_disk::{file, open};
use super::*;
use crate::relay::dead_letters::DeadLetterFile;

const PAGE: u64 = 4096;

/// Changes these bytes in the database.
fn overwrite(folder: &TempDir, offset: u64, bytes: &[u8]) {
    let file = fs::File::options().write(true).open(file(folder)).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

fn letters(folder: &TempDir) -> Vec<Vec<u8>> {
    let file = DeadLetterFile::in_folder(file(folder).parent().unwrap());
    let letters = file.read().unwrap().into_iter().map(Result::unwrap);
    letters.map(|letter| letter.bytes).collect()
}

/// Such that each fills a page.
fn large(numbers: std::ops::RangeInclusive<u64>) -> Vec<Incoming> {
    let large = |number: u64| {
        let mut alert = alert(number);
        alert.message.bytes.resize(4000, b'x');
        alert
    };
    numbers.map(large).collect()
}

/// Takes and confirms what is left. Returns the numbers.
fn drain(spool: &Spool) -> Vec<u64> {
    let mut numbers = Vec::new();
    while !spool.wait_empty(Instant::now()) {
        match spool.take(0, 64, usize::MAX, Some(Instant::now() + LIMIT)) {
            Taken::Alerts(entries) => {
                for entry in &entries {
                    let text = std::str::from_utf8(&entry.bytes[..6]).unwrap();
                    assert_eq!(text, format!("{:06}", entry.number));
                    numbers.push(entry.number);
                }
                spool.confirm(0, entries.last().unwrap().number);
            }
            Taken::TimedOut if spool.wait_empty(Instant::now()) => break,
            other => panic!("{other:?} after {numbers:?}"),
        }
    }
    numbers
}

#[test]
fn a_damaged_alert_becomes_a_dead_letter_and_the_others_are_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let sinks = ["a", "b"];
    let spool = open(&folder, &sinks).unwrap();
    spool.put(alerts(1..=6)).unwrap();
    drop(spool);
    let bytes = fs::read(file(&folder)).unwrap();
    for text in ["000002", "000006"] {
        let found = bytes.windows(6).position(|it| it == text.as_bytes());
        overwrite(&folder, found.unwrap() as u64, b"?");
    }
    let spool = open(&folder, &sinks).unwrap();
    for sink in [0, 1] {
        let texts = [texts(1..=1), texts(3..=5)].concat();
        assert_eq!(take(&spool, sink, 10), texts);
        assert!(is_nothing(&spool, sink));
    }
    assert_eq!(letters(&folder), [b"?00002", b"?00006"]);
    assert_eq!(spool.usage().damage.alerts, 2);
    drop(spool);
    let spool = open(&folder, &sinks).unwrap();
    assert_eq!(spool.usage().alerts, 6);
    for sink in [0, 1] {
        assert_eq!(take(&spool, sink, 10).len(), 4);
        assert_eq!(spool.confirm(sink, 5), 4);
    }
    assert!(spool.wait_empty(Instant::now()));
    assert_eq!(letters(&folder).len(), 2);
    let usage = spool.usage();
    assert_eq!((usage.bytes, usage.damage), (0, DamageUsage::default()));
    assert_eq!(usage.trouble, Trouble::default());
}

#[test]
fn what_an_earlier_version_has_stored_is_delivered() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(file(&folder).parent().unwrap()).unwrap();
    let earlier = "
        CREATE TABLE alerts (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL,
            format INTEGER NOT NULL,
            message BLOB NOT NULL
        );
        CREATE TABLE sinks (name TEXT PRIMARY KEY, confirmed INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE positions (source TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
        INSERT INTO alerts VALUES (3, 'one', 0, x'303030303033'), (4, 'one', 1, x'303030303034');
        INSERT INTO sinks VALUES ('a', 2);
        PRAGMA user_version = 1;";
    let database = Connection::open(file(&folder)).unwrap();
    database.execute_batch(earlier).unwrap();
    drop(database);
    for _ in 0..2 {
        let spool = open(&folder, &["a"]).unwrap();
        assert_eq!(take(&spool, 0, 10), texts(3..=4));
    }
    let spool = open(&folder, &["a"]).unwrap();
    spool.put(alerts(5..=5)).unwrap();
    assert_eq!(take(&spool, 0, 10), texts(3..=5));
    assert_eq!(spool.usage().damage, DamageUsage::default());
    // It gives space back like a new one.
    let database = Connection::open(file(&folder)).unwrap();
    let mode: i64 = database
        .pragma_query_value(None, "auto_vacuum", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, 2);
}

#[test]
fn what_is_no_database_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(file(&folder).parent().unwrap()).unwrap();
    let noise = "no database ".repeat(1000);
    fs::write(file(&folder), &noise).unwrap();
    let spool = open(&folder, &["a"]).unwrap();
    spool.put(alerts(1..=2)).unwrap();
    assert_eq!(take(&spool, 0, 10), texts(1..=2));
    let kept = spool.usage().damage.set_aside;
    assert_eq!(kept.len(), 1);
    assert!(kept[0].contains("/spool.sqlite.damaged-2"), "{kept:?}");
    assert_eq!(fs::read_to_string(&*kept[0]).unwrap(), noise);
    drop(spool);
    // It is still there at the next start, until somebody moves it away.
    let spool = open(&folder, &["a"]).unwrap();
    assert_eq!(spool.usage().damage.set_aside, kept);
    fs::remove_file(&*kept[0]).unwrap();
    assert_eq!(spool.usage().damage.set_aside.len(), 0);
    assert_eq!(drain(&spool), [1, 2]);
}

#[test]
fn of_a_damaged_database_the_rest_is_taken_over() {
    for runs in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let sinks = ["a", "b"];
        let start = || spool(disk(&folder), 1 << 30, Overflow::Wait, &sinks).unwrap();
        let mut spool = Some(start());
        let before = spool.as_ref().unwrap();
        for first in (1..=2000).step_by(100) {
            before.put(large(first..=first + 99)).unwrap();
        }
        before.confirm(0, 100);
        before.confirm(1, 2000);
        if runs {
            let other = Connection::open(file(&folder)).unwrap();
            until("all is in the database", || {
                let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
                let busy = other.query_row(checkpoint, [], |row| row.get(0));
                matches!(busy, Ok(0))
            });
        } else {
            spool = None;
        }
        for pages in [600..603, 900..901] {
            for page in pages {
                overwrite(&folder, page * PAGE, &[0xff; PAGE as usize]);
            }
        }
        let spool = spool.unwrap_or_else(start);
        let first = match spool.take(0, 1, 1, Some(Instant::now() + LIMIT)) {
            Taken::Alerts(entries) => entries[0].number,
            other => panic!("{other:?}"),
        };
        assert_eq!(first, 101);
        spool.confirm(0, first);
        let delivered = drain(&spool);
        assert!(delivered.is_sorted());
        let usage = spool.usage();
        let lost = usage.damage.alerts;
        assert!((1..=400).contains(&lost), "{lost}");
        assert_eq!(delivered.len() as u64 + lost, 1899, "{runs}");
        assert_eq!((usage.damage.rebuilt, usage.damage.set_aside.len()), (1, 1));
        assert_eq!(usage.trouble, Trouble::default());
        assert_eq!(spool.position("one"), Some(position(2000)));
        // The numbers go on.
        spool.put(alerts(2001..=2001)).unwrap();
        spool.confirm(1, 2001);
        assert_eq!(drain(&spool), [2001]);
    }
}

#[test]
fn a_log_that_is_truncated_costs_nothing_that_is_in_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["a"]).unwrap();
    spool.put(large(1..=200)).unwrap();
    let log = format!("{}-wal", file(&folder).display());
    fs::File::create(log).unwrap();
    let end = Instant::now() + LIMIT;
    let spool = Arc::new(spool);
    put(&spool, large(201..=201))
        .recv_timeout(LIMIT)
        .unwrap()
        .unwrap();
    let delivered = drain(&spool);
    assert!(delivered.ends_with(&[201]), "{delivered:?}");
    assert!(Instant::now() < end);
}
