//! What several threads put at once.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::on_disk::{file, open};
use super::store::{Batch, Confirmed, Known, Limit, Rebuilt, Removed, Store, StoreError, Sum};
use super::*;
use crate::relay::spool::entry::Stored;
use crate::relay::spool::memory::Memory;

/// A store that notes how many alerts come with each commit, and may panic at the first.
#[derive(Default)]
struct Counting {
    memory: Memory,
    commits: Arc<Mutex<Vec<usize>>>,
    /// Up to which number all sinks had confirmed, where that was stored with a commit.
    free: Arc<Mutex<Vec<u64>>>,
    is_on_disk: bool,
    panics: bool,
}

impl Store for Counting {
    fn store(&mut self, batch: &Batch<'_>) -> Result<Removed, StoreError> {
        lock(&self.commits).push(batch.alerts.len());
        lock(&self.free).extend(batch.confirmed.iter().map(|it| it.free));
        assert!(!std::mem::take(&mut self.panics), "as a test wants it");
        self.memory.store(batch)
    }

    fn confirm(&mut self, confirmed: &Confirmed) -> Result<Sum, StoreError> {
        self.memory.confirm(confirmed)
    }

    fn is_on_disk(&self) -> bool {
        self.is_on_disk
    }

    fn read(&mut self, after: u64, limit: Limit) -> Result<Vec<Stored>, StoreError> {
        self.memory.read(after, limit)
    }

    fn bury(&mut self, number: u64) -> Result<(), StoreError> {
        self.memory.bury(number)
    }

    fn is_in_place(&mut self) -> bool {
        self.memory.is_in_place()
    }

    fn rebuild(&mut self, known: &Known<'_>) -> Result<Rebuilt, StoreError> {
        self.memory.rebuild(known)
    }

    fn shrink(&mut self) -> Result<bool, StoreError> {
        self.memory.shrink()
    }
}

fn with(store: Counting) -> Arc<Spool> {
    let spool = spool(Storage::Memory, 1 << 30, Overflow::Wait, &["a"]).unwrap();
    let condition = Condition::new(PathBuf::from("counting"), Overflow::Wait, 1 << 30);
    *spool.lock() = memory::with(Box::new(store), 1, condition);
    Arc::new(spool)
}

/// Lets each of these alerts be put by a thread of its own while a commit runs, which is the first one's.
fn put_at_once(
    spool: &Arc<Spool>,
    numbers: std::ops::RangeInclusive<u64>,
    before: impl FnOnce(&mut Contents),
) -> Vec<Receiver<Result<(), Closed>>> {
    let mut commit = spool.lock();
    let mut ends = Vec::new();
    for (number, waiting) in numbers.zip(0..) {
        ends.push(put(spool, alerts(number..=number)));
        until("it waits", || spool.group.waiting() == Some(waiting));
    }
    before(&mut commit);
    ends
}

fn all_are_stored(ends: Vec<Receiver<Result<(), Closed>>>) {
    for end in ends {
        end.recv_timeout(LIMIT).unwrap().unwrap();
    }
}

#[test]
fn all_that_wait_while_a_commit_runs_are_in_the_next() {
    let store = Counting::default();
    let commits = store.commits.clone();
    let spool = with(store);
    all_are_stored(put_at_once(&spool, 1..=100, |_| ()));
    assert_eq!(*lock(&commits), [1, 99]);
    assert_eq!(take(&spool, 0, 200), texts(1..=100));
    assert_eq!(spool.group.waiting(), None);
    // One alone is stored by itself.
    spool.put(alerts(101..=101)).unwrap();
    assert_eq!(*lock(&commits), [1, 99, 1]);
}

/// No keeper runs beside it, which would store it otherwise.
#[test]
fn what_is_confirmed_is_stored_with_the_next_alerts() {
    let store = Counting {
        is_on_disk: true,
        ..Counting::default()
    };
    let free = store.free.clone();
    let spool = with(store);
    spool.put(alerts(1..=4)).unwrap();
    assert_eq!(take(&spool, 0, 3), texts(1..=3));
    assert_eq!(spool.confirm(0, 2), 2);
    assert_eq!(*lock(&free), [0; 0]);
    spool.put(alerts(5..=5)).unwrap();
    assert_eq!(*lock(&free), [2]);
    assert_eq!(spool.lock().held.alerts, 3);
    spool.put(alerts(6..=6)).unwrap();
    assert_eq!(*lock(&free), [2]);
    assert_eq!(take(&spool, 0, 9), texts(4..=6));
    spool.confirm(0, 6);
    assert_eq!(spool.usage().alerts, 0);
}

#[test]
fn one_commit_is_bounded_in_bytes() {
    let store = Counting::default();
    let commits = store.commits.clone();
    let spool = with(store);
    let commit = spool.lock();
    let threads: Vec<JoinHandle<_>> = (0..10)
        .map(|waiting| {
            let mut large = alerts(1..=1);
            large[0].message.bytes = vec![b'x'; 1 << 20];
            let thread = {
                let spool = spool.clone();
                thread::spawn(move || spool.put(large))
            };
            until("it waits", || spool.group.waiting() == Some(waiting));
            thread
        })
        .collect();
    drop(commit);
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    assert_eq!(lock(&commits).iter().sum::<usize>(), 10);
    assert!(
        lock(&commits).iter().all(|&alerts| alerts <= 4),
        "{commits:?}"
    );
}

#[test]
fn what_cannot_be_stored_waits_and_what_came_with_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(&folder, &["a"]).unwrap());
    let disk = Connection::open(file(&folder)).unwrap();
    let fail = "CREATE TRIGGER refused BEFORE INSERT ON alerts
                WHEN NEW.message = CAST('000003' AS BLOB)
                BEGIN SELECT RAISE(ABORT, 'refused'); END";
    disk.execute_batch(fail).unwrap();
    let mut ends = put_at_once(&spool, 1..=6, |_| ());
    let refused = ends.remove(2);
    all_are_stored(ends);
    assert!(is_blocked(&refused));
    assert_eq!(spool.usage().stored, 5);
    disk.execute_batch("DROP TRIGGER refused").unwrap();
    all_are_stored(vec![refused]);
    let texts: Vec<_> = take(&spool, 0, 10)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(
        texts,
        ["000001", "000002", "000004", "000005", "000006", "000003"]
    );
}

#[test]
fn a_commit_that_fails_is_one_for_all_that_are_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(&folder, &["a"]).unwrap());
    let disk = Connection::open(file(&folder)).unwrap();
    let fail = "CREATE TRIGGER full BEFORE INSERT ON alerts
                BEGIN SELECT RAISE(ABORT, 'full'); END";
    disk.execute_batch(fail).unwrap();
    let ends = put_at_once(&spool, 1..=5, |_| ());
    until("it fails", || spool.usage().trouble.failing.is_some());
    assert!(ends.iter().all(is_blocked));
    assert_eq!((spool.usage().stored, spool.position("one")), (0, None));
    disk.execute_batch("DROP TRIGGER full").unwrap();
    all_are_stored(ends);
    assert_eq!(take(&spool, 0, 10).len(), 5);
    assert_eq!(spool.usage().trouble, Trouble::default());
    // At the end of the relay none is told that it is stored.
    disk.execute_batch(fail).unwrap();
    let ends = put_at_once(&spool, 6..=10, |_| ());
    spool.lift_capacity();
    for end in ends {
        assert!(end.recv_timeout(LIMIT).unwrap().is_err());
    }
    assert_eq!(spool.usage().stored, 5);
}

#[test]
fn of_those_that_wait_as_many_are_stored_as_there_is_room_for() {
    both(3 * COST, Overflow::Wait, &["a"], |spool| {
        let spool = Arc::new(spool);
        let ends = put_at_once(&spool, 1..=6, |_| ());
        let stored = |ends: &[Receiver<Result<(), Closed>>]| {
            ends.iter().filter(|end| !is_blocked(end)).count()
        };
        until("three are stored", || spool.usage().stored == 3);
        assert_eq!(stored(&ends), 3);
        assert_eq!(take(&spool, 0, 10), texts(1..=3));
        spool.confirm(0, 3);
        until("the others are stored", || spool.usage().stored == 6);
        assert_eq!(take(&spool, 0, 10).len(), 3);
    });
}

#[test]
fn those_that_wait_are_told_that_the_spool_was_closed() {
    both(1 << 20, Overflow::Wait, &["a"], |spool| {
        let spool = Arc::new(spool);
        let close = |contents: &mut Contents| contents.intake_closed = true;
        for end in put_at_once(&spool, 1..=5, close) {
            assert!(end.recv_timeout(LIMIT).unwrap().is_err());
        }
        assert_eq!(spool.usage().stored, 0);
    });
}

#[test]
fn all_that_were_in_files_which_were_removed_are_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(&folder, &["a"]).unwrap());
    let remove = |_: &mut Contents| {
        std::fs::remove_dir_all(file(&folder).parent().unwrap()).unwrap();
    };
    all_are_stored(put_at_once(&spool, 1..=5, remove));
    let other = Connection::open(file(&folder)).unwrap();
    let count = other.query_row("SELECT count(*) FROM alerts", [], |row| row.get(0));
    assert_eq!(count, Ok(5));
}

#[test]
fn a_thread_that_panics_leaves_none_waiting() {
    let spool = with(Counting {
        panics: true,
        ..Counting::default()
    });
    let commit = spool.lock();
    let first = {
        let spool = spool.clone();
        let put = move || catch_unwind(AssertUnwindSafe(|| spool.put(alerts(1..=1)))).is_err();
        thread::spawn(put)
    };
    until("it leads", || spool.group.waiting() == Some(0));
    let others: Vec<_> = (2..=3)
        .map(|number| put(&spool, alerts(number..=number)))
        .collect();
    until("they wait", || spool.group.waiting() == Some(2));
    drop(commit);
    assert!(first.join().unwrap());
    all_are_stored(others);
    assert_eq!(spool.usage().stored, 2);
}
