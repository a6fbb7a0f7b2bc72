//! What becomes of alerts whose log is damaged, cut or removed, after a process that was killed.

use std::fs;
use std::path::PathBuf;

use super::on_disk::{file, open};
use super::*;
use crate::relay::dead_letters::DeadLetterFile;

const HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

fn beside(folder: &TempDir, end: &str) -> PathBuf {
    format!("{}{end}", file(folder).display()).into()
}

/// Each in a commit of its own. What a kill leaves of them: nothing is written that is not yet in the files.
fn killed_after(numbers: std::ops::RangeInclusive<u64>, confirmed: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder, &["a"]).unwrap();
    for number in numbers.clone() {
        spool.put(alerts(number..=number)).unwrap();
    }
    if confirmed > 0 {
        take(&spool, 0, 1000);
        spool.confirm(0, confirmed);
        // It is written a little later.
        until("it is not written", || {
            let extent = fs::read(beside(&folder, "-extent")).unwrap();
            extent[8..16] == confirmed.to_le_bytes()
        });
    }
    let left = tempfile::tempdir().unwrap();
    fs::create_dir_all(file(&left).parent().unwrap()).unwrap();
    for end in ["", "-wal", "-extent"] {
        fs::copy(beside(&folder, end), beside(&left, end)).unwrap();
    }
    left
}

/// Changes the log that is left.
fn damage(folder: &TempDir, change: impl FnOnce(&mut Vec<u8>)) {
    let mut log = fs::read(beside(folder, "-wal")).unwrap();
    change(&mut log);
    fs::write(beside(folder, "-wal"), log).unwrap();
}

/// All that is there, and how many are known to be damaged or lost.
fn left(folder: &TempDir) -> (Vec<u64>, u64) {
    let spool = open(folder, &["a"]).unwrap();
    let mut numbers = Vec::new();
    while let Taken::Alerts(entries) = spool.take(0, 1000, 1 << 20, Some(Instant::now())) {
        for entry in entries {
            assert_eq!(&*entry.bytes, format!("{:06}", entry.number).as_bytes());
            numbers.push(entry.number);
        }
    }
    (numbers, spool.usage().damage.alerts)
}

#[test]
fn what_was_stored_last_and_is_not_there_is_counted() {
    for confirmed in [0, 30] {
        let folder = killed_after(1..=40, confirmed);
        // Its log ends at a commit, as if there had never been more.
        damage(&folder, |log| {
            log.truncate(log.len() / FRAME / 2 * FRAME + HEADER)
        });
        let (numbers, missing) = left(&folder);
        let last = numbers.last().copied().unwrap_or(0);
        assert!(last < 40, "{numbers:?}");
        assert_eq!(missing, 40 - last.max(confirmed), "{numbers:?}");
        // It is said once.
        assert_eq!(left(&folder), (numbers, 0));
    }
}

#[test]
fn a_log_that_was_removed_is_noticed() {
    let folder = killed_after(1..=5, 2);
    fs::remove_file(beside(&folder, "-wal")).unwrap();
    assert_eq!(left(&folder), (vec![], 3));
    // Nothing is missing where all is there.
    let folder = killed_after(1..=5, 2);
    assert_eq!(left(&folder), ((3..=5).collect(), 0));
    // Nor where an earlier version has written on.
    let folder = killed_after(1..=5, 2);
    fs::remove_file(beside(&folder, "-extent")).unwrap();
    assert_eq!(left(&folder), ((3..=5).collect(), 0));
}

#[test]
fn of_a_damaged_log_all_alerts_but_the_damaged_one_are_delivered() {
    let folder = killed_after(1..=40, 0);
    damage(&folder, |log| {
        // In every page that has it: all are in one.
        let found = log
            .windows(6)
            .enumerate()
            .filter(|(_, it)| *it == b"000011");
        let places: Vec<_> = found.map(|(at, _)| at).collect();
        assert!(places.len() > 20);
        for at in places {
            log[at] = b'?';
        }
    });
    let (numbers, damaged) = left(&folder);
    assert_eq!((numbers.len(), damaged), (39, 1));
    assert!(!numbers.contains(&11));
    let letters = DeadLetterFile::in_folder(file(&folder).parent().unwrap());
    let letters = letters.read().unwrap().into_iter().map(Result::unwrap);
    let bytes: Vec<_> = letters.map(|letter| letter.bytes).collect();
    assert_eq!(bytes, [b"?00011"]);
}

#[test]
fn whatever_byte_of_the_log_is_damaged_no_alert_is_lost_without_a_count() {
    const ALERTS: u64 = 12;
    let whole = killed_after(1..=ALERTS, 0);
    let log = fs::read(beside(&whole, "-wal")).unwrap();
    let frames = (0..(log.len() - HEADER) / FRAME).map(|frame| HEADER + frame * FRAME);
    // Of each page its header, the beginning of its tree, its free space and its rows.
    let of_page = || (0..36).chain([2000, FRAME - 300, FRAME - 2]);
    let places = frames.flat_map(|at| of_page().map(move |it| at + it));
    for place in (0..HEADER).chain(places).step_by(23) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(file(&folder).parent().unwrap()).unwrap();
        for end in ["", "-wal", "-extent"] {
            fs::copy(beside(&whole, end), beside(&folder, end)).unwrap();
        }
        damage(&folder, |log| log[place] ^= 0x55);
        let (numbers, missing) = left(&folder);
        assert_eq!(
            numbers.len() as u64 + missing,
            ALERTS,
            "byte {place}: {numbers:?}"
        );
        assert!(numbers.is_sorted_by(|one, next| one < next));
    }
}
