//! Reading with a callback, which runs where the bytes arrive.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use falco_client::Error;
use futures::executor::block_on;

use crate::common::own_process::in_own_process;
use crate::common::{next, number, Falco, LIMIT};

#[test]
fn a_callback_gets_every_alert() {
    let falco = Falco::holding(2_000);
    let (send, received) = mpsc::channel();
    let watch = falco.client().get_with(move |alert| {
        send.send(number(&alert.unwrap())).unwrap();
        ControlFlow::Continue(())
    });
    watch.unwrap().wait().unwrap();
    assert_eq!(
        received.into_iter().collect::<Vec<_>>(),
        Vec::from_iter(0..2_000)
    );
}

#[test]
fn a_callback_ends_its_call() {
    let falco = Falco::holding(10);
    let (send, received) = mpsc::channel();
    let watch = falco.client().subscribe_with(move |alert| {
        send.send(number(&alert.unwrap())).unwrap();
        ControlFlow::Break(())
    });
    block_on(watch.unwrap()).unwrap();
    assert_eq!(received.into_iter().collect::<Vec<_>>(), [0]);
}

#[test]
fn a_panic_in_a_callback_ends_only_its_own_call() {
    let falco = Falco::start();
    let client = falco.client();
    let mut alerts = client.subscribe().unwrap();
    falco.push([0]);
    assert_eq!(next(&mut alerts), 0);
    let other = Falco::holding(1);
    let watch = other.client().get_with(|_| panic!("on purpose")).unwrap();
    assert!(matches!(watch.wait(), Err(Error::CallbackPanicked { .. })));
    falco.push([1]);
    assert_eq!(next(&mut alerts), 1);
}

#[test]
fn blocking_inside_a_callback_is_refused() {
    let falco = Falco::holding(1);
    let client = falco.client();
    let (send, received) = mpsc::channel();
    let inner = client.clone();
    let watch = client.get_with(move |_| {
        let mut alerts = inner.subscribe().unwrap();
        let errors = [
            inner.version().map(drop).unwrap_err(),
            inner.wait_connected(LIMIT).unwrap_err(),
            alerts.recv().unwrap().map(drop).unwrap_err(),
        ];
        send.send(errors).unwrap();
        ControlFlow::Continue(())
    });
    watch.unwrap().wait().unwrap();
    for error in received.recv_timeout(LIMIT).unwrap() {
        assert!(matches!(error, Error::WouldDeadlock { .. }), "{error}");
    }
}

#[test]
fn a_sequence_that_would_wait_inside_a_callback_ends() {
    let falco = Falco::holding(1);
    let client = falco.client();
    let (send, received) = mpsc::channel();
    let inner = client.clone();
    let watch = client.get_with(move |_| {
        send.send(inner.subscribe().unwrap().into_iter().count())
            .unwrap();
        ControlFlow::Continue(())
    });
    watch.unwrap().wait().unwrap();
    assert_eq!(received.recv_timeout(LIMIT).unwrap(), 1);
}

/// Tells when it is dropped.
struct Dropped(mpsc::Sender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        thread::sleep(Duration::from_millis(50));
        self.0.send(()).unwrap();
    }
}

#[test]
fn a_callback_is_dropped_before_its_end_is_reported() {
    let falco = Falco::holding(1);
    let (send, dropped) = mpsc::channel();
    let held = Dropped(send);
    let watch = falco.client().get_with(move |_| {
        let _held = &held;
        ControlFlow::Continue(())
    });
    watch.unwrap().wait().unwrap();
    assert_eq!(dropped.try_recv(), Ok(()));
}

/// Others would miss the thread that it holds up.
#[test]
fn closing_waits_for_a_slow_callback() {
    in_own_process("callbacks::closing_waits_for_a_slow_callback", || {
        let falco = Falco::holding(8);
        let (send, received) = mpsc::channel();
        let watch = falco.client().subscribe_with(move |alert| {
            send.send(number(&alert.unwrap())).unwrap();
            thread::sleep(Duration::from_millis(300));
            ControlFlow::Continue(())
        });
        let watch = watch.unwrap();
        assert_eq!(received.recv_timeout(LIMIT), Ok(0));
        watch.handle().close();
        watch.wait().unwrap();
        assert_eq!(
            received.into_iter().collect::<Vec<_>>(),
            Vec::from_iter(1..8)
        );
    });
}

/// What a callback holds is dropped on the thread that serves all.
#[test]
fn what_panics_when_it_is_dropped_hurts_no_other_call() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let falco = Falco::start();
    let client = falco.client();
    let held = Panics;
    let watch = client.subscribe_with(move |_| {
        let _held = &held;
        ControlFlow::Continue(())
    });
    drop(watch.unwrap());
    for _ in 0..3 {
        client.version().unwrap();
    }
}
