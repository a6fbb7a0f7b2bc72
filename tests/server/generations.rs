//! The embedded Falco plays each generation of Falco, with the faults of `subscribe`.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use falco_client::api::grpcio::{self, ClientSStreamReceiver, RpcStatusCode};
use falco_client::api::{outputs, version};
use falco_client::server::Server;
use falco_client::Error;
use futures::{FutureExt as _, StreamExt as _};
use tempfile::TempDir;

use crate::common::raw::{is_unavailable, numbered, push, server_with, status, take, Raw};
use crate::common::until;

/// Long enough to be noticed as a hang.
const LONG: Duration = Duration::from_secs(600);
const KEEPALIVE: &[u8] = b"\x08\x01";

fn falco(version: &str) -> (Server, TempDir) {
    server_with(|builder| builder.falco(version))
}

fn is_there<T: std::fmt::Debug>(result: grpcio::Result<T>) -> bool {
    if result.is_ok() {
        return true;
    }
    let end = status(result);
    assert_eq!(
        (end.code(), end.message()),
        (RpcStatusCode::UNIMPLEMENTED, "")
    );
    false
}

#[test]
fn each_generation_serves_what_it_has() {
    for (falco_version, has_subscribe, has_get_and_sub, has_version) in [
        ("0.18.0", true, false, false),
        ("0.19.0", true, false, false),
        ("0.20.0", true, false, true),
        ("0.23.0", true, false, true),
        ("0.24.0", false, true, true),
        ("0.43.1", false, true, true),
        ("0.44.0", false, false, false),
    ] {
        let (server, _folder) = falco(falco_version);
        let client = Raw::new(&server);
        let subscribe = take(client.subscribe(b""), 1).1;
        let get = client.get_all().1;
        push(&server, 0..1);
        let mut sub = client.sub();
        sub.ask();
        let sub = take(&mut sub.alerts, 1).1;
        let version = client.version();
        assert_eq!(
            [subscribe, get, sub].map(is_there),
            [has_subscribe, has_get_and_sub, has_get_and_sub],
            "{falco_version}"
        );
        match version {
            Ok(answer) => assert_eq!(answer.version, falco_version),
            Err(_) => assert!(!is_there(version) && !has_version, "{falco_version}"),
        }
    }
}

#[test]
fn version_is_that_of_the_falco_unless_it_is_set() {
    let (server, _folder) = falco("0.30.0");
    let answer = Raw::new(&server).version().unwrap();
    assert_eq!((answer.minor, answer.engine_minor), (30, 9));

    let set = version::Response {
        version: "0.30.0-12+4a8b7f2".into(),
        ..Default::default()
    };
    let serve = |version: &str| {
        let set = set.clone();
        server_with(|builder| builder.version(set).falco(version))
    };
    let (server, _folder) = serve("0.30.0");
    assert_eq!(Raw::new(&server).version().unwrap(), set);
    let (server, _folder) = serve("0.19.0");
    assert!(!is_there(Raw::new(&server).version()));
}

#[test]
fn what_is_no_falco_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("unix://{}", folder.path().join("falco.sock").display());
    for version in ["0.17.1", "latest"] {
        let started = Server::builder().listen(&listen).falco(version).start();
        let Err(error @ Error::Config { .. }) = started else {
            panic!("{version}: {started:?}");
        };
        assert!(error.to_string().contains(version), "{error}");
    }
}

#[test]
fn subscribe_takes_what_there_is_and_ends_with_ok() {
    let (server, _folder) = falco("0.22.1");
    let client = Raw::new(&server);
    // No field, false, the last of several, and what stands for nothing.
    for request in [
        &b""[..],
        b"\x08\x00",
        b"\x08\x01\x08\x00",
        b"\x0a\x01\x01\x10\x01",
    ] {
        push(&server, 0..1000);
        let (numbers, end) = take(client.subscribe(request), usize::MAX);
        assert!(end.is_ok(), "{end:?}");
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
        assert_eq!(server.queued(), 0);
        let (numbers, end) = take(client.subscribe(request), usize::MAX);
        assert!(end.is_ok() && numbers.is_empty(), "{numbers:?} {end:?}");
    }
    assert_eq!(server.written(), 4000);
}

#[test]
fn an_undecodable_request_ends_a_subscribe() {
    let (server, _folder) = falco("0.22.1");
    push(&server, 0..1);
    let end = status(take(Raw::new(&server).subscribe(b"\xff\xff"), 1).1);
    assert_eq!(end.code(), RpcStatusCode::INTERNAL);
    assert_eq!(server.queued(), 1);
}

#[test]
fn keepalive_writes_the_second_of_two_alerts_that_wait() {
    let (server, _folder) = falco("0.22.1");
    let client = Raw::new(&server);
    push(&server, 0..7);
    let mut alerts = client.subscribe(KEEPALIVE);
    assert_eq!(take(&mut alerts, 3).0, [1, 3, 5]);
    // The seventh is held until an eighth comes, and lost then.
    until("the seventh is taken", || server.queued() == 0);
    client.round_trips();
    assert!(alerts.next().now_or_never().is_none());
    push(&server, 7..8);
    assert_eq!(take(&mut alerts, 1).0, [7]);

    // One that comes while it waits on an empty queue is written at once.
    for number in 8..12 {
        client.round_trips();
        push(&server, number..number + 1);
        assert_eq!(take(&mut alerts, 1).0, [number]);
    }
    assert_eq!((server.queued(), server.written()), (0, 8));
}

#[test]
fn keepalive_takes_one_more_alert_with_it_when_its_client_goes() {
    let (server, _folder) = falco("0.22.1");
    let client = Raw::new(&server);
    let alerts = client.subscribe(KEEPALIVE);
    client.round_trips();
    drop(alerts);
    client.round_trips();
    push(&server, 0..2);
    until("the first is taken", || server.queued() < 2);
    client.round_trips();
    assert_eq!(take(client.subscribe(b""), usize::MAX).0, [1]);
}

/// A stream that is stuck on its only alert, with the queue empty. It keeps the connection open:
/// when the last stream ends the server closes it, and a client that is just writing then drops
/// what it has received.
fn stuck(server: &Server, client: &Raw) -> ClientSStreamReceiver<outputs::Response> {
    server.push_bytes(vec![0; 64 << 20]);
    let stuck = client.subscribe(b"");
    until("the alert is taken", || server.queued() == 0);
    stuck
}

#[test]
fn ten_per_thread_are_served_and_stop_ends_them_with_ok() {
    let (server, _folder) = falco("0.23.0");
    let client = Raw::new(&server);
    let stuck = stuck(&server, &client);
    let served: Vec<_> = (0..9).map(|_| client.subscribe(KEEPALIVE)).collect();
    client.round_trips();
    let mut waiting = client.subscribe(b"");
    client.round_trips();
    assert!(waiting.next().now_or_never().is_none());

    let (ended, end) = mpsc::channel();
    let stopping = thread::spawn(move || {
        server.stop(LONG);
        ended.send(()).unwrap();
    });
    for alerts in served {
        let (numbers, end) = take(alerts, usize::MAX);
        assert!(end.is_ok() && numbers.is_empty(), "{numbers:?} {end:?}");
    }
    assert!(is_unavailable(take(waiting, 1).1));
    assert!(end.try_recv().is_err(), "the stop did not wait");
    drop(stuck);
    stopping.join().unwrap();
}

#[test]
fn stop_waits_for_a_subscribe_to_take_the_rest() {
    let (server, _folder) = falco("0.23.0");
    let client = Raw::new(&server);
    let stuck = stuck(&server, &client);
    let big = |number| {
        [
            numbered(number),
            b"\x2a\x80\x80\x40".to_vec(),
            vec![b'x'; 1 << 20],
        ]
        .concat()
    };
    (0..64).for_each(|number| server.push_bytes(big(number)));
    let mut alerts = client.subscribe(b"");
    assert_eq!(take(&mut alerts, 1).0, [0]);

    let stopping = thread::spawn(move || {
        server.stop(LONG);
        server.queued()
    });
    until("new calls are refused", || is_unavailable(client.version()));
    let (rest, end) = take(&mut alerts, usize::MAX);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(rest, (1..64).collect::<Vec<_>>());
    drop(stuck);
    assert_eq!(stopping.join().unwrap(), 0);
}
