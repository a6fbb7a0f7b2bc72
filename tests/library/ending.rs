//! Cancelling, closing and back-pressure: what ends or holds a sequence costs no alert.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread;

use falco_client::{Client, Config};
use futures::StreamExt;

use crate::common::{next, numbers, until, Falco};

#[test]
fn cancelling_wakes_a_blocked_reader() {
    let falco = Falco::start();
    let mut alerts = falco.client().subscribe().unwrap();
    let handle = alerts.handle();
    let reader = thread::spawn(move || alerts.recv().is_err());
    handle.cancel();
    assert!(reader.join().unwrap());
}

#[test]
fn what_was_received_before_a_cancel_is_delivered_in_order() {
    let falco = Falco::holding(5_000);
    let mut alerts = falco.client().get().unwrap();
    assert_eq!(next(&mut alerts), 0);
    alerts.handle().cancel();
    let rest = numbers(alerts);
    assert_eq!(rest, Vec::from_iter(1..=rest.len()));
}

#[test]
fn a_full_queue_holds_falco_back_and_loses_nothing() {
    const ALERTS: usize = 50_000;
    let falco = Falco::holding(ALERTS);
    let config = Config::new(falco.endpoint()).queue_bytes(64 * 1024);
    let mut alerts = Client::new(config).unwrap().get().unwrap();
    assert_eq!(next(&mut alerts), 0);
    // Nobody reads: what Falco writes must come to a rest far from the end.
    let mut before = 0;
    let mut calm = 0;
    until("Falco is held back", || {
        let written = falco.server.written();
        calm = if written == before { calm + 1 } else { 0 };
        before = written;
        calm == 50
    });
    assert!(
        before < ALERTS as u64 / 2,
        "{before} alerts were pulled into a full queue"
    );
    assert_eq!(numbers(alerts), Vec::from_iter(1..ALERTS));
}

#[test]
fn a_message_larger_than_the_queue_passes() {
    let falco = Falco::start();
    for size in [1 << 20, 1, 5 << 20] {
        let alert = falco_client::Alert::builder()
            .output("x".repeat(size))
            .build();
        falco.server.push(alert);
    }
    let config = Config::new(falco.endpoint()).queue_bytes(1);
    let alerts = Client::new(config).unwrap().get().unwrap();
    let sizes: Vec<_> = alerts
        .into_iter()
        .map(|alert| alert.unwrap().output().len())
        .collect();
    assert_eq!(sizes, [1 << 20, 1, 5 << 20]);
}

/// Panics when it is woken.
struct Alarm;

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[test]
fn a_waker_that_panics_ends_only_its_own_sequence() {
    let falco = Falco::start();
    let client = falco.client();
    let mut alarmed = client.subscribe().unwrap();
    let waker = Waker::from(Arc::new(Alarm));
    assert!(alarmed
        .poll_next_unpin(&mut Context::from_waker(&waker))
        .is_pending());
    let state = alarmed.handle();
    falco.push([0]);
    until("the panic has ended it", || {
        state.state() == falco_client::State::Ended
    });
    let mut other = client.subscribe().unwrap();
    falco.push([1]);
    assert_eq!(next(&mut other), 1);
}
