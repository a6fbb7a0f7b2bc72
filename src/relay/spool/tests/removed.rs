//! Files that are removed or replaced while a spool is open.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::on_disk::{file, open};
use super::*;

type Removal = fn(&Path);

const REMOVALS: [(&str, Removal); 7] = [
    ("folder", |folder| fs::remove_dir_all(folder).unwrap()),
    ("moved", |folder| {
        let old = tempfile::tempdir_in(folder.parent().unwrap()).unwrap();
        fs::rename(folder, old.path().join("old")).unwrap();
        fs::create_dir(folder).unwrap();
    }),
    ("database", |folder| {
        fs::remove_file(folder.join("spool.sqlite")).unwrap();
    }),
    ("all", |folder| {
        for entry in fs::read_dir(folder).unwrap() {
            let _ = fs::remove_file(entry.unwrap().path());
        }
    }),
    ("log", |folder| {
        let _ = fs::remove_file(folder.join("spool.sqlite-wal"));
    }),
    ("lock", |folder| {
        fs::remove_file(folder.join("lock")).unwrap()
    }),
    ("replaced", |folder| {
        let other = folder.join("other");
        let database = Connection::open(&other).unwrap();
        database.execute_batch("CREATE TABLE other (x)").unwrap();
        fs::rename(&other, folder.join("spool.sqlite")).unwrap();
    }),
];

/// What the next relay would find after a kill.
fn found(folder: &TempDir) -> Vec<(u64, String)> {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir_all(file(&copy).parent().unwrap()).unwrap();
    for end in ["", "-wal"] {
        let path = |folder| format!("{}{end}", file(folder).display());
        let _ = fs::copy(path(folder), path(&copy));
    }
    let spool = open(&copy, &["a"]).unwrap();
    match spool.take(0, 100, usize::MAX, Some(Instant::now())) {
        Taken::Alerts(entries) => {
            let text = |entry: &Entry| String::from_utf8(entry.bytes.to_vec()).unwrap();
            entries
                .iter()
                .map(|entry| (entry.number, text(entry)))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn what_is_put_after_a_removal_is_there_and_so_is_all_before() {
    for (name, remove) in REMOVALS {
        let folder = tempfile::tempdir().unwrap();
        let spool = open(&folder, &["a"]).unwrap();
        spool.put(alerts(1..=4)).unwrap();
        spool.confirm(0, 1);
        remove(file(&folder).parent().unwrap());
        spool.put(alerts(5..=5)).unwrap();
        assert_eq!(found(&folder), texts(2..=5), "{name}");
        let usage = spool.usage();
        assert_eq!(
            (usage.damage.rebuilt, usage.damage.alerts),
            (1, 0),
            "{name}"
        );
        assert_eq!(usage.trouble, Trouble::default(), "{name}");
        let kept = usize::from(name == "replaced");
        assert_eq!(usage.damage.set_aside.len(), kept, "{name}");
        // No other relay may use it meanwhile, and this one goes on as before.
        let problem = problem(open(&folder, &["a"]));
        assert!(problem.contains("is in use by another relay"), "{problem}");
        assert_eq!(take(&spool, 0, 10), texts(2..=5), "{name}");
        spool.confirm(0, 5);
        spool.put(alerts(6..=6)).unwrap();
        drop(spool);
        let spool = open(&folder, &["a"]).unwrap();
        assert_eq!(take(&spool, 0, 10), texts(6..=6), "{name}");
        assert_eq!(spool.position("one"), Some(position(6)), "{name}");
    }
}

#[test]
fn a_removal_is_noticed_though_nobody_posts_and_at_the_end() {
    for (name, remove) in REMOVALS {
        let folder = tempfile::tempdir().unwrap();
        let spool = open(&folder, &["a"]).unwrap();
        spool.put(alerts(1..=4)).unwrap();
        remove(file(&folder).parent().unwrap());
        let lock = file(&folder).with_file_name("lock");
        until(name, || {
            lock.exists() && file(&folder).exists() && found(&folder) == texts(1..=4)
        });
        remove(file(&folder).parent().unwrap());
        drop(spool);
        let spool = open(&folder, &["a"]).unwrap();
        assert_eq!(take(&spool, 0, 10), texts(1..=4), "{name}");
    }
}

#[test]
fn nothing_is_taken_while_the_folder_cannot_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(&folder, &["a"]).unwrap());
    spool.put(alerts(1..=4)).unwrap();
    let above = folder.path().join("new");
    fs::remove_dir_all(&above).unwrap();
    fs::write(&above, "no folder").unwrap();
    let end = put(&spool, alerts(5..=6));
    until("it is failing", || spool.usage().trouble.failing.is_some());
    let problem = spool.usage().trouble.failing.unwrap();
    assert!(problem.contains("cannot be used again"), "{problem}");
    assert!(is_blocked(&end));
    fs::remove_file(&above).unwrap();
    end.recv_timeout(LIMIT).unwrap().unwrap();
    assert_eq!(found(&folder), texts(1..=6));
    assert_eq!(spool.usage().trouble, Trouble::default());
    assert_eq!(take(&spool, 0, 10), texts(1..=6));
}

#[test]
fn a_spool_that_was_found_to_fail_still_fails_when_alerts_come() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(&folder, &["a"]).unwrap());
    let above = folder.path().join("new");
    fs::remove_dir_all(&above).unwrap();
    fs::write(&above, "no folder").unwrap();
    let is_failing = || spool.usage().trouble.failing.is_some();
    until("it is failing", is_failing);
    let end = put(&spool, alerts(1..=2));
    for _ in 0..10 {
        assert!(is_blocked(&end));
        assert!(is_failing());
    }
    fs::remove_file(&above).unwrap();
    end.recv_timeout(LIMIT).unwrap().unwrap();
    assert!(!is_failing());
}
