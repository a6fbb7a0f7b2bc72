use std::sync::mpsc::{channel, Receiver};
use std::sync::Arc;
use std::thread;

use tempfile::TempDir;

use super::condition::Trouble;
use super::contents::SinkUsage;
use super::damage::DamageUsage;
use super::store::OVERHEAD;
use super::*;
use crate::alert::Format;
use crate::delivery::Message;
use crate::error::Error;
use crate::position::FilePosition;
use crate::relay::identity::SinkIdentity;

const LIMIT: Duration = Duration::from_secs(60);
/// The messages of these tests have six bytes.
const COST: u64 = OVERHEAD + 6;

fn alert(number: u64) -> Incoming {
    Incoming {
        source: "one".into(),
        endpoint: "one".into(),
        message: Message {
            bytes: format!("{number:06}").into_bytes(),
            format: format_of(number),
            position: Some(Box::new(position(number))),
            number: 0,
        },
    }
}

fn format_of(number: u64) -> Format {
    match number % 2 {
        0 => Format::JsonLine,
        _ => Format::Grpc,
    }
}

fn position(number: u64) -> Position {
    Position {
        end: FilePosition {
            device: 1,
            inode: 2,
            offset: number,
            mark: 3,
            head: 4,
        },
        start: number,
        modified: 5,
        previous: None,
    }
}

fn alerts(numbers: std::ops::RangeInclusive<u64>) -> Vec<Incoming> {
    numbers.map(alert).collect()
}

fn identities(names: &[&str]) -> Vec<SinkIdentity> {
    let names = names.iter().map(|name| name.to_string());
    names.map(SinkIdentity::new).collect()
}

fn spool(storage: Storage, capacity: u64, overflow: Overflow, names: &[&str]) -> Result<Spool> {
    let named = identities(names);
    Spool::open(storage, capacity, overflow, &Sinks::named(&named))
}

fn disk(folder: &TempDir) -> Storage {
    let folder = folder.path().join("new/spool");
    let dead_letters = Arc::new(DeadLetters::new(Some(&folder)));
    Storage::Disk(folder, dead_letters)
}

/// The same check with both storages.
fn both(capacity: u64, overflow: Overflow, sinks: &[&str], check: impl Fn(Spool)) {
    let folder = tempfile::tempdir().unwrap();
    for storage in [Storage::Memory, disk(&folder)] {
        check(spool(storage, capacity, overflow, sinks).unwrap());
    }
}

fn take(spool: &Spool, sink: usize, most: usize) -> Vec<(u64, String)> {
    let limit = Some(Instant::now() + LIMIT);
    match spool.take(sink, most, usize::MAX, limit) {
        Taken::Alerts(entries) => entries
            .into_iter()
            .map(|entry| {
                let text = String::from_utf8(entry.bytes.to_vec()).unwrap();
                assert_eq!(
                    (&*entry.source, entry.format),
                    ("one", format_of(text.parse().unwrap()))
                );
                (entry.number, text)
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn texts(numbers: std::ops::RangeInclusive<u64>) -> Vec<(u64, String)> {
    numbers
        .map(|number| (number, format!("{number:06}")))
        .collect()
}

fn is_nothing(spool: &Spool, sink: usize) -> bool {
    let taken = spool.take(sink, 10, 1000, Some(Instant::now()));
    matches!(taken, Taken::TimedOut)
}

fn sinks(usage: &[(u64, u64)]) -> Vec<SinkUsage> {
    let sink = |&(waiting, dropped): &(u64, u64)| SinkUsage { waiting, dropped };
    usage.iter().map(sink).collect()
}

/// A put on a thread, and what tells its end.
fn put(spool: &Arc<Spool>, alerts: Vec<Incoming>) -> Receiver<Result<(), Closed>> {
    let (done, end) = channel();
    let spool = spool.clone();
    thread::spawn(move || done.send(spool.put(alerts)).unwrap());
    end
}

fn is_blocked(end: &Receiver<Result<(), Closed>>) -> bool {
    end.recv_timeout(Duration::from_millis(50)).is_err()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn problem(opened: Result<Spool>) -> String {
    match opened {
        Err(error @ Error::Spool { .. }) => error.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn alerts_come_in_order_to_each_sink_at_its_own_pace() {
    both(1 << 20, Overflow::Wait, &["a", "b"], |spool| {
        spool.put(alerts(1..=3)).unwrap();
        spool.put(alerts(4..=5)).unwrap();
        assert_eq!(take(&spool, 0, 3), texts(1..=3));
        assert_eq!(take(&spool, 0, 10), texts(4..=5));
        assert_eq!(spool.confirm(0, 5), 5);
        assert!(is_nothing(&spool, 0));
        assert_eq!(take(&spool, 1, 2), texts(1..=2));
        assert_eq!(spool.confirm(1, 2), 2);
        let usage = Usage {
            stored: 5,
            dropped: 0,
            alerts: 3,
            bytes: 3 * COST,
            trouble: Trouble::default(),
            damage: DamageUsage::default(),
            sinks: sinks(&[(0, 0), (3, 0)]),
        };
        assert_eq!(spool.usage(), usage);
        assert!(!spool.wait_empty(Instant::now()));
        // Nothing can be confirmed before it is there, or a second time.
        assert_eq!(take(&spool, 1, 10), texts(3..=5));
        assert_eq!(spool.confirm(1, 100), 3);
        assert_eq!(spool.confirm(1, 1), 0);
        assert_eq!(spool.usage().sinks, sinks(&[(0, 0), (0, 0)]));
        assert!(spool.wait_empty(Instant::now()));
        assert_eq!(spool.position("one"), Some(position(5)));
        assert_eq!(spool.position("two"), None);
        spool.put(alerts(6..=6)).unwrap();
        assert_eq!(take(&spool, 1, 10), texts(6..=6));
    });
}

#[test]
fn an_answer_is_limited_in_bytes_but_never_empty() {
    both(1 << 20, Overflow::Wait, &["a", "b", "c", "d"], |spool| {
        spool.put(alerts(1..=5)).unwrap();
        for (sink, bytes, count) in [(0, 0, 1), (1, 11, 1), (2, 12, 2), (3, 1000, 5)] {
            match spool.take(sink, 10, bytes, None) {
                Taken::Alerts(entries) => assert_eq!(entries.len(), count),
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn a_sink_waits_for_an_alert_and_for_the_end() {
    both(1 << 20, Overflow::Wait, &["a"], |spool| {
        let spool = Arc::new(spool);
        let end = put(&spool, alerts(1..=1));
        assert_eq!(take(&spool, 0, 10), texts(1..=1));
        end.recv_timeout(LIMIT).unwrap().unwrap();
        thread::scope(|scope| {
            let waits = scope.spawn(|| spool.take(0, 10, 1000, None));
            spool.close();
            assert!(matches!(waits.join().unwrap(), Taken::Closed));
        });
        assert!(matches!(spool.take(0, 10, 1000, None), Taken::Closed));
        assert!(spool.put(alerts(2..=2)).is_err());
        assert!(!spool.wait_empty(Instant::now() + LIMIT));
    });
}

#[test]
fn a_spool_is_empty_when_what_was_in_flight_is_confirmed() {
    both(COST, Overflow::DropOldest, &["a"], |spool| {
        spool.put(alerts(1..=1)).unwrap();
        take(&spool, 0, 10);
        spool.put(alerts(2..=2)).unwrap();
        take(&spool, 0, 10);
        thread::scope(|scope| {
            let empty = scope.spawn(|| spool.wait_empty(Instant::now() + LIMIT));
            assert_eq!(spool.confirm(0, 1), 1);
            assert_eq!(spool.confirm(0, 2), 1);
            assert!(empty.join().unwrap());
        });
        assert_eq!(spool.usage().sinks, sinks(&[(0, 0)]));
    });
}

#[test]
fn many_sources_lose_nothing_and_keep_their_order() {
    both(20 * COST, Overflow::Wait, &["a"], |spool| {
        thread::scope(|scope| {
            for source in 0..4 {
                let spool = &spool;
                scope.spawn(move || {
                    for number in 0..200_u64 {
                        let source: Arc<str> = source.to_string().into();
                        spool
                            .put(vec![Incoming {
                                endpoint: source.clone(),
                                source,
                                ..alert(number)
                            }])
                            .unwrap();
                    }
                });
            }
            let mut next: std::collections::HashMap<Arc<str>, u64> = Default::default();
            let mut after = 0;
            while after < 800 {
                let limit = Some(Instant::now() + LIMIT);
                let Taken::Alerts(entries) = spool.take(0, 16, 1000, limit) else {
                    panic!("nothing after {after}");
                };
                for entry in entries {
                    after += 1;
                    assert_eq!(entry.number, after);
                    let next = next.entry(entry.source).or_default();
                    assert_eq!(&*entry.bytes, format!("{next:06}").as_bytes());
                    *next += 1;
                }
                spool.confirm(0, after);
            }
        });
        assert!(spool.wait_empty(Instant::now()));
    });
}

mod cut_log;
mod damaged;
mod full;
mod grouped;
mod on_disk;
mod removed;
