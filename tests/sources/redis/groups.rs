//! Readers of a group share a stream.

use std::ops::ControlFlow;
use std::sync::mpsc;

use falco_client::{Client, Config, State};

use crate::common::redis::RedisServer;
use crate::common::{next, number, numbers, until, LIMIT};
use crate::{close, read, NONE};

#[test]
fn an_alert_counts_as_read_when_the_next_one_is_asked_for() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..10);
    let endpoint = redis.stream("?group=g&consumer=a");
    let mut alerts = read(&endpoint);
    for number in 0..4 {
        assert_eq!(next(&mut alerts), number);
    }
    // 0 to 2 are read; the reader has 3.
    until("they are acknowledged", || redis.pending("g") == 7);
    until("it knows", || alerts.counters().lag == Some(7));
    drop(alerts);

    let mut alerts = read(&endpoint);
    for number in 3..10 {
        assert_eq!(next(&mut alerts), number);
    }
    redis.add(10..12);
    assert_eq!(next(&mut alerts), 10);
    assert_eq!(close(alerts), [11]);
    // At once, not a second later.
    assert_eq!(redis.pending("g"), 0);
    let got = Client::open(&endpoint).unwrap().get().unwrap();
    assert_eq!(numbers(got), NONE);
}

#[test]
fn with_checkpoints_what_was_processed_is_acknowledged() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..6);
    let endpoint = redis.stream("?group=g&consumer=a");
    let mut alerts = read(&endpoint);
    for number in 0..4 {
        assert_eq!(next(&mut alerts), number);
    }
    // Of four alerts together, and of none that came later.
    let four = alerts.checkpoint();
    assert_eq!(next(&mut alerts), 4);
    four.reach();
    until("they are acknowledged", || redis.pending("g") == 2);
    drop(alerts);

    let mut alerts = read(&endpoint);
    let mut checkpoints = Vec::new();
    for number in 4..6 {
        assert_eq!(next(&mut alerts), number);
        checkpoints.push(alerts.checkpoint());
    }
    // One cannot be processed, and the sequence ends nevertheless.
    checkpoints.remove(1).reach();
    checkpoints.clear();
    assert_eq!(close(alerts), NONE);
    assert_eq!(redis.pending("g"), 2);
}

#[test]
fn what_is_dropped_unread_does_not_keep_a_sequence_open() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..50);
    let config = Config::new(redis.stream("?group=g"))
        .queue_bytes(4_000)
        .overflow(falco_client::Overflow::DropNewest);
    let alerts = Client::new(config).unwrap().subscribe().unwrap();
    until("all have come", || alerts.counters().alerts == 50);
    let (dropped, left) = (alerts.counters().dropped, close(alerts).len());
    assert!(
        dropped > 0 && left as u64 + dropped == 50,
        "{dropped} {left}"
    );
    assert_eq!(redis.pending("g"), 0);
}

#[test]
fn readers_of_a_group_share_its_alerts() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let endpoint = |name| redis.stream(&format!("?group=g&consumer={name}"));
    let client = |name| Client::open(&endpoint(name)).unwrap();
    let (sender, all) = mpsc::channel();
    let watches: Vec<_> = ["a", "b"]
        .into_iter()
        .map(|name| {
            let sender = sender.clone();
            let callback = move |alert: falco_client::Result<_>| {
                sender.send((name, number(&alert.unwrap()))).unwrap();
                ControlFlow::Continue(())
            };
            client(name).subscribe_with(callback).unwrap()
        })
        .collect();
    for watch in &watches {
        until("it follows", || watch.state() == State::Following);
    }
    let mut got = Vec::new();
    for start in (0..400).step_by(10) {
        redis.add(start..start + 10);
        got.extend((0..10).map(|_| all.recv_timeout(LIMIT).unwrap()));
    }
    for name in ["a", "b"] {
        let own: Vec<_> = got.iter().filter(|(of, _)| *of == name).collect();
        assert!(
            own.is_sorted_by_key(|(_, number)| *number),
            "{name}: {own:?}"
        );
    }
    let mut numbers: Vec<_> = got.into_iter().map(|(_, number)| number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..400));
    for watch in watches {
        watch.handle().close();
        watch.wait().unwrap();
    }
    assert_eq!(redis.pending("g"), 0);
}

#[test]
fn what_a_dead_reader_left_is_taken_over_and_what_a_slow_one_has_is_not() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..5);
    let endpoint = |name| redis.stream(&format!("?group=g&claim=2&consumer={name}"));
    // It takes nothing more, and is not dead.
    let slow = Config::new(endpoint("slow")).queue_bytes(1);
    let mut slow = Client::new(slow).unwrap().subscribe().unwrap();
    assert_eq!(next(&mut slow), 0);
    let mut heir = read(&endpoint("heir"));
    // Longer than readers may be silent.
    std::thread::sleep(std::time::Duration::from_secs(4));
    redis.add(5..6);
    assert_eq!(next(&mut heir), 5, "it has what the slow reader has");

    drop(slow);
    let left: Vec<_> = (0..5).map(|_| next(&mut heir)).collect();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    assert_eq!(close(heir), NONE);
    assert_eq!(redis.pending("g"), 0);
}
