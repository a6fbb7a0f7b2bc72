//! Reading alerts in every way that there is.

use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use falco_client::{Alerts, Client, Config, Error};
use futures::executor::block_on;
use futures::future::poll_fn;
use futures::StreamExt;

use crate::common::{next, number, numbered, numbers, until, Falco, LIMIT};

#[test]
fn the_types_go_where_users_take_them() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn moved<T: Send + 'static>() {}
    shared::<Client>();
    shared::<falco_client::Handle>();
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
    alerts.handle().cancel();
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
    let handle = alerts.handle();
    let cancelling = thread::spawn(move || handle.cancel());
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
    assert!(repaired.is_lossy());
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
fn the_version_is_returned_in_both_forms() {
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
    let client = Client::open(&endpoint).unwrap();
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
