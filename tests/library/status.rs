//! How a sequence stands is visible without reading it: its state, its counters.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use falco_client::server::Server;
use falco_client::{Alerts, Client, Config, Error, Overflow, State};
use grpcio::{EnvBuilder, ServerBuilder, ServerCredentials};

use crate::common::{next, number, numbered, until, Falco, LIMIT};

fn name(state: &State) -> &'static str {
    match state {
        State::Connecting => "connecting",
        State::Following => "following",
        State::Waiting { .. } => "waiting",
        State::Ended => "ended",
        _ => "unknown",
    }
}

#[test]
fn each_change_is_reported_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("unix://{}/falco.sock", folder.path().display());
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let changes = seen.clone();
    alerts.on_change(|_| panic!("not the others' business"));
    alerts.on_change(move |state| changes.lock().unwrap().push(name(state)));
    until("it waits", || name(&alerts.state()) == "waiting");
    for round in 0..2 {
        let server = Server::builder().listen(&listen).start().unwrap();
        server.push(numbered(round));
        assert_eq!(next(&mut alerts), round);
        server.stop(LIMIT);
        until("it waits again", || name(&alerts.state()) == "waiting");
    }
    alerts.handle().close();
    assert!(alerts.recv().is_err());
    let mut changes = seen.lock().unwrap().clone();
    // Before the first failure, or after it: that depends on who was faster.
    changes.retain(|state| *state != "connecting");
    // The reason for waiting may change from "restarting" to "nothing listens".
    changes.dedup();
    let expected = [
        "waiting",
        "following",
        "waiting",
        "following",
        "waiting",
        "ended",
    ];
    assert_eq!(changes, expected);
    assert_eq!(Arc::strong_count(&seen), 1, "the function is still held");
}

#[test]
fn a_wait_has_its_start_and_its_next_attempt() {
    let begin = SystemTime::now();
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("unix://{}/falco.sock", folder.path().display());
    let alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    let waiting = || match alerts.state() {
        State::Waiting { since, next, .. } => Some((since, next)),
        _ => None,
    };
    until("it waits", || waiting().is_some());
    let (since, first) = waiting().unwrap();
    assert!(
        begin <= since && since <= first,
        "{begin:?} {since:?} {first:?}"
    );
    until("it has tried again", || waiting().unwrap().1 > first);
    assert_eq!(
        waiting().unwrap().0,
        since,
        "it waits since the first failure"
    );
}

#[test]
fn counters_count_what_came() {
    let begin = SystemTime::now();
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("unix://{}/falco.sock", folder.path().display());
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    let handle = alerts.handle();
    assert_eq!(handle.counters().last_alert, None);
    let server = Server::builder().listen(&listen).start().unwrap();
    let messages = [
        numbered(0).into_bytes(),
        // A rule that is not UTF-8, and bytes that are no message.
        b"\x22\x02\xff\xfe".to_vec(),
        b"\xff".to_vec(),
    ];
    for message in &messages {
        server.push_bytes(message.clone());
    }
    until("they came, unread", || handle.counters().alerts == 3);
    let came = handle.counters();
    assert_eq!(
        came.bytes,
        messages.iter().map(Vec::len).sum::<usize>() as u64
    );
    assert_eq!((came.lossy, came.undecodable, came.dropped), (0, 0, 0));
    assert!(came.requests > 0, "{came:?}");
    assert!(came.last_alert.unwrap() >= begin, "{came:?}");
    assert_eq!(came.reconnects, 0);

    assert_eq!(next(&mut alerts), 0);
    assert!(alerts.recv().unwrap().unwrap().is_lossy());
    assert!(matches!(alerts.recv(), Ok(Err(Error::Undecodable { .. }))));
    let read = alerts.counters();
    assert_eq!((read.lossy, read.undecodable), (1, 1));

    server.stop(LIMIT);
    let server = Server::builder().listen(&listen).start().unwrap();
    server.push(numbered(1));
    assert_eq!(next(&mut alerts), 1);
    assert_eq!(handle.counters().reconnects, 1);
}

#[test]
fn a_callback_is_counted_as_well() {
    let falco = Falco::holding(10);
    let watch = falco.client().get_with(|_| ControlFlow::Continue(()));
    let watch = watch.unwrap();
    let handle = watch.handle();
    watch.wait().unwrap();
    let counters = handle.counters();
    assert_eq!((counters.alerts, counters.requests), (10, 1));
}

/// More than the queue holds, and all of it received before any is read.
fn flooded(overflow: Overflow) -> (Vec<usize>, u64) {
    const COUNT: usize = 1_000;
    let falco = Falco::holding(COUNT);
    let config = Config::new(falco.endpoint())
        .queue_bytes(20_000)
        .overflow(overflow);
    let alerts = Client::new(config).unwrap().get().unwrap();
    until("all came", || alerts.counters().alerts == COUNT as u64);
    let dropped = alerts.counters().dropped;
    let left: Vec<_> = alerts
        .into_iter()
        .map(|alert| number(&alert.unwrap()))
        .collect();
    assert_eq!(left.len() as u64 + dropped, COUNT as u64);
    assert!(left.len() > 10, "{left:?}");
    (left, dropped)
}

#[test]
fn drop_oldest_drops_the_oldest() {
    let (left, dropped) = flooded(Overflow::DropOldest);
    assert!(left.iter().copied().eq(dropped as usize..1_000), "{left:?}");
}

#[test]
fn drop_newest_drops_the_newest() {
    let (left, _) = flooded(Overflow::DropNewest);
    assert!(left.iter().copied().eq(0..left.len()), "{left:?}");
}

#[test]
fn a_permanent_error_is_reported_once_and_retried_with_keep_trying() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("falco.sock");
    let listen = format!("unix://{}", path.display());
    let environment = Arc::new(EnvBuilder::new().cq_count(1).build());
    let mut other = ServerBuilder::new(environment).build().unwrap();
    other
        .add_listening_port(
            format!("unix:{}", path.display()),
            ServerCredentials::insecure(),
        )
        .unwrap();
    other.start();
    let config = Config::new(&listen).keep_trying(true);
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    let error = alerts.recv_timeout(LIMIT).unwrap().unwrap_err();
    assert!(matches!(error, Error::Unimplemented { .. }), "{error}");
    let attempt = |alerts: &Alerts| match alerts.state() {
        State::Waiting { next, .. } => Some(next),
        _ => None,
    };
    let first = attempt(&alerts);
    until("it has tried again", || attempt(&alerts) > first);
    futures::executor::block_on(other.shutdown()).unwrap();
    drop(other);
    let server = Server::builder().listen(&listen).start().unwrap();
    server.push(numbered(7));
    assert_eq!(next(&mut alerts), 7);
}

#[test]
fn an_error_is_never_dropped() {
    let falco = Falco::start();
    let large = numbered(0);
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let config = Config::new(falco.endpoint())
            .queue_bytes(1)
            .overflow(overflow)
            .max_message_bytes(large.as_bytes().len() - 1);
        let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
        until("it follows", || alerts.state() == State::Following);
        falco.push([0]);
        let error = alerts.recv_timeout(LIMIT).unwrap().unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        assert_eq!(alerts.counters().dropped, 0);
    }
}

#[test]
fn a_callback_that_wants_no_more_after_an_error_gets_no_more() {
    let falco = Falco::start();
    let config = Config::new(falco.endpoint()).max_message_bytes(100);
    let watch = Client::new(config).unwrap().subscribe_with(|item| {
        assert!(matches!(item, Err(Error::TooLarge { .. })), "{item:?}");
        ControlFlow::Break(())
    });
    let watch = watch.unwrap();
    falco.push([0]);
    watch.wait().unwrap();
}
