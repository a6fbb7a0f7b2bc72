//! Reading alerts in every way that there is.

mod common;

use std::ops::ControlFlow;
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{number, numbered, until, Falco, LIMIT};
use falco_client::{Alerts, Client, Config, Error};
use futures::executor::block_on;
use futures::future::poll_fn;
use futures::StreamExt;

fn numbers(
    alerts: impl IntoIterator<Item = falco_client::Result<falco_client::Alert>>,
) -> Vec<usize> {
    alerts
        .into_iter()
        .map(|alert| number(&alert.unwrap()))
        .collect()
}

fn next(alerts: &mut Alerts) -> usize {
    number(&alerts.recv_timeout(LIMIT).unwrap().unwrap())
}

#[test]
fn the_types_go_where_users_take_them() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn moved<T: Send + 'static>() {}
    shared::<Client>();
    shared::<falco_client::Canceller>();
    shared::<falco_client::Alert>();
    shared::<Config>();
    moved::<Alerts>();
    moved::<falco_client::Watch>();
    moved::<Error>();
}

#[test]
fn get_gives_what_falco_holds_and_ends() {
    let falco = Falco::holding(3_000);
    let client = falco.client();
    assert_eq!(numbers(client.get().unwrap()), Vec::from_iter(0..3_000));
    assert_eq!(client.get().unwrap().into_iter().count(), 0);
}

#[test]
fn an_iterator_that_borrows_leaves_the_sequence_usable() {
    let falco = Falco::holding(10);
    let mut alerts = falco.client().get().unwrap();
    assert_eq!(numbers(alerts.iter().take(4)), [0, 1, 2, 3]);
    assert_eq!(numbers(&mut alerts), [4, 5, 6, 7, 8, 9]);
    assert!(alerts.recv().is_err());
}

#[test]
fn receiving_is_as_from_a_channel() {
    let falco = Falco::start();
    let mut alerts = falco.client().subscribe().unwrap();
    assert!(matches!(alerts.try_recv(), Err(TryRecvError::Empty)));
    let timeout = alerts.recv_timeout(Duration::from_millis(1));
    assert!(matches!(timeout, Err(RecvTimeoutError::Timeout)));
    falco.push(0..2);
    assert_eq!(number(&alerts.recv().unwrap().unwrap()), 0);
    assert_eq!(next(&mut alerts), 1);
    alerts.canceller().cancel();
    assert!(alerts.recv().is_err());
    assert!(matches!(alerts.try_recv(), Err(TryRecvError::Disconnected)));
    let ended = alerts.recv_timeout(LIMIT);
    assert!(matches!(ended, Err(RecvTimeoutError::Disconnected)));
}

#[test]
fn subscribe_follows() {
    let falco = Falco::holding(5);
    let mut alerts = falco.client().subscribe().unwrap();
    for burst in [0..5, 5..6, 6..1_000] {
        if burst.start > 0 {
            falco.push(burst.clone());
        }
        for expected in burst {
            assert_eq!(next(&mut alerts), expected);
        }
    }
}

#[test]
fn the_same_value_is_a_stream() {
    let falco = Falco::holding(2_000);
    let client = falco.client();
    let read = block_on(
        client
            .get()
            .unwrap()
            .map(|alert| number(&alert.unwrap()))
            .collect::<Vec<_>>(),
    );
    assert_eq!(read, Vec::from_iter(0..2_000));
}

/// Follows across silences, so that the task is really woken.
async fn follow(falco: Falco) {
    let mut alerts = falco.client().subscribe().unwrap();
    for round in 0..20 {
        falco.push([round]);
        assert_eq!(number(&alerts.next().await.unwrap().unwrap()), round);
    }
    let canceller = alerts.canceller();
    let cancelling = thread::spawn(move || canceller.cancel());
    assert!(alerts.next().await.is_none());
    cancelling.join().unwrap();
    assert_eq!(falco.client().version_async().await.unwrap().minor, 43);
}

#[test]
fn streams_work_on_futures_executor() {
    block_on(follow(Falco::start()));
}

#[test]
fn streams_work_on_smol() {
    smol::block_on(async { smol::spawn(follow(Falco::start())).await });
}

#[test]
fn streams_work_inside_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let task = runtime.spawn(follow(Falco::start()));
    runtime.block_on(task).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(follow(Falco::start()));
}

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
    assert!(matches!(watch.wait(), Err(Error::CallbackPanicked)));
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

#[test]
fn blocking_calls_work_inside_an_executor() {
    let falco = Falco::holding(1);
    let client = falco.client();
    block_on(async {
        assert_eq!(client.version().unwrap().minor, 43);
        client.wait_connected(LIMIT).unwrap();
        assert_eq!(numbers(client.get().unwrap()), [0]);
        let watch = client.get_with(|_| ControlFlow::Continue(())).unwrap();
        watch.wait().unwrap();
    });
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
fn a_callback_is_dropped_before_its_end_is_told() {
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

#[test]
fn closing_waits_for_a_slow_callback() {
    let falco = Falco::holding(8);
    let (send, received) = mpsc::channel();
    let watch = falco.client().subscribe_with(move |alert| {
        send.send(number(&alert.unwrap())).unwrap();
        thread::sleep(Duration::from_millis(300));
        ControlFlow::Continue(())
    });
    let watch = watch.unwrap();
    assert_eq!(received.recv_timeout(LIMIT), Ok(0));
    watch.canceller().close();
    watch.wait().unwrap();
    assert_eq!(
        received.into_iter().collect::<Vec<_>>(),
        Vec::from_iter(1..8)
    );
}

#[test]
fn a_task_whose_alerts_another_takes_still_gets_the_next() {
    let falco = Falco::start();
    let alerts = Arc::new(Mutex::new(falco.client().subscribe().unwrap()));
    let task = alerts.clone();
    let task =
        thread::spawn(move || block_on(poll_fn(|cx| task.lock().unwrap().poll_next_unpin(cx))));
    // Taken one by one by the two, whoever is first.
    let mut pushed = 0;
    until("the task has got one", || {
        falco.push([pushed, pushed + 1]);
        pushed += 2;
        let _ = alerts.lock().unwrap().try_recv();
        task.is_finished()
    });
    assert!(number(&task.join().unwrap().unwrap().unwrap()) < pushed);
}

#[test]
fn cancelling_wakes_a_blocked_reader() {
    let falco = Falco::start();
    let mut alerts = falco.client().subscribe().unwrap();
    let canceller = alerts.canceller();
    let reader = thread::spawn(move || alerts.recv().is_err());
    canceller.cancel();
    assert!(reader.join().unwrap());
}

#[test]
fn what_was_received_before_a_cancel_is_delivered_in_order() {
    let falco = Falco::holding(5_000);
    let mut alerts = falco.client().get().unwrap();
    assert_eq!(next(&mut alerts), 0);
    alerts.canceller().cancel();
    let rest = numbers(alerts);
    assert_eq!(rest, Vec::from_iter(1..=rest.len()));
}

#[test]
fn closing_loses_nothing() {
    for round in 0..10 {
        let falco = Falco::start();
        let client = falco.client();
        let mut alerts = client.subscribe().unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let falco = &falco;
            let pushing = scope.spawn(move || {
                let mut pushed = 0;
                while stopped.try_recv() == Err(TryRecvError::Empty) {
                    falco.push(pushed..pushed + 10);
                    pushed += 10;
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let mut read: Vec<_> = (0..=round * 50).map(|_| next(&mut alerts)).collect();
            alerts.canceller().close();
            read.extend(numbers(alerts));
            drop(stop);
            pushing.join().unwrap();
            assert_eq!(read, Vec::from_iter(0..falco.server.written() as usize));
        });
    }
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

#[test]
fn an_undecodable_alert_comes_with_its_bytes_and_the_next_follows() {
    let falco = Falco::start();
    let bad = [0x22, 0x7f, b'x'];
    falco.push([0]);
    falco.server.push_bytes(bad);
    falco.push([1]);
    let mut alerts = falco.client().get().unwrap();
    assert_eq!(next(&mut alerts), 0);
    match alerts.recv().unwrap() {
        Err(Error::Undecodable { bytes, .. }) => assert_eq!(*bytes, bad),
        other => panic!("{other:?}"),
    }
    assert_eq!(next(&mut alerts), 1);
    assert!(alerts.recv().is_err());
}

#[test]
fn a_text_that_is_not_utf8_costs_no_alert() {
    let falco = Falco::start();
    falco.server.push_bytes([0x22, 4, b'a', 0xff, 0xfe, b'b']);
    falco.push([1]);
    let mut alerts = falco.client().get().unwrap();
    let repaired = alerts.recv().unwrap().unwrap();
    assert_eq!(repaired.rule(), "a\u{fffd}\u{fffd}b");
    assert!(repaired.is_repaired());
    assert_eq!(next(&mut alerts), 1);
}

#[test]
fn two_subscribers_split_the_alerts() {
    let falco = Falco::holding(0);
    let client = falco.client();
    let (mut one, mut two) = (client.subscribe().unwrap(), client.subscribe().unwrap());
    let mut read = Vec::new();
    falco.push(0..500);
    until("all have come", || {
        for alerts in [&mut one, &mut two] {
            while let Ok(alert) = alerts.try_recv() {
                read.push(number(&alert.unwrap()));
            }
        }
        read.len() == 500
    });
    read.sort();
    assert_eq!(read, Vec::from_iter(0..500));
}

#[test]
fn the_version_is_told_in_both_forms() {
    let falco = Falco::start();
    let client = falco.client();
    assert_eq!(client.version().unwrap().version, "0.43.1");
    assert_eq!(
        block_on(client.version_async()).unwrap().engine_version,
        "0.58.0"
    );
}

#[test]
fn waiting_for_the_connection_outlasts_a_missing_falco() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("unix://{}/falco.sock", folder.path().display());
    let client = Client::connect(&endpoint).unwrap();
    let missing = client
        .wait_connected(Duration::from_millis(20))
        .unwrap_err();
    assert!(missing.to_string().contains("no such socket"), "{missing}");
    let waiting = thread::spawn(move || client.wait_connected(LIMIT));
    let server = falco_client::server::Server::builder()
        .listen(endpoint)
        .start()
        .unwrap();
    waiting.join().unwrap().unwrap();
    server.push(numbered(0));
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
    let state = alarmed.canceller();
    falco.push([0]);
    until("the panic has ended it", || {
        state.state() == falco_client::State::Ended
    });
    let mut other = client.subscribe().unwrap();
    falco.push([1]);
    assert_eq!(next(&mut other), 1);
}
