//! The same calls read every Falco from 0.18 on.

use std::ops::ControlFlow;
use std::sync::mpsc;

use falco_client::server::Server;
use falco_client::{Alerts, Client, Error, State};
use tempfile::TempDir;

use crate::common::{next, number, numbered, numbers, until, LIMIT};

fn new_socket() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("unix://{}/falco.sock", folder.path().display());
    (folder, listen)
}

fn falco(version: &str, listen: &str) -> Server {
    let server = Server::builder().listen(listen).falco(version);
    server.start().unwrap()
}

const EACH: [&str; 5] = ["0.18.0", "0.19.0", "0.20.0", "0.23.0", "0.43.1"];

#[test]
fn get_reads_each_of_them() {
    for version in EACH {
        let (_folder, listen) = new_socket();
        let server = falco(version, &listen);
        let client = Client::open(&listen).unwrap();
        for round in 0..3 {
            server.extend((0..round * 100).map(numbered));
            let came = numbers(client.get().unwrap());
            assert!(came.into_iter().eq(0..round * 100), "{version}");
        }
    }
}

#[test]
fn subscribe_follows_each_of_them_and_loses_nothing() {
    for version in EACH {
        let (_folder, listen) = new_socket();
        let server = falco(version, &listen);
        let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
        for at in 0..300 {
            server.push(numbered(at));
            // Alone, by pairs, and many at a time.
            if at < 20 || at % 50 == 0 {
                until("it is taken", || server.queued() == 0);
            }
        }
        for at in 0..300 {
            assert_eq!(next(&mut alerts), at, "{version}");
        }
        assert_eq!(alerts.state(), State::Following, "{version}");
        server.extend((300..5_000).map(numbered));
        assert_eq!(next(&mut alerts), 300, "{version}");
        alerts.handle().close();
        let came = 301 + numbers(alerts).len() as u64;
        assert_eq!(came, server.written(), "{version}");
    }
}

#[test]
fn a_callback_follows_an_old_one_as_well() {
    let (_folder, listen) = new_socket();
    let server = falco("0.22.1", &listen);
    let (send, received) = mpsc::channel();
    let client = Client::open(&listen).unwrap();
    let watch = client.subscribe_with(move |alert| {
        send.send(number(&alert.unwrap())).unwrap();
        ControlFlow::Continue(())
    });
    let watch = watch.unwrap();
    for at in 0..50 {
        server.push(numbered(at));
        assert_eq!(received.recv_timeout(LIMIT), Ok(at));
    }
    watch.handle().close();
    watch.wait().unwrap();
}

#[test]
fn a_silent_old_falco_gets_few_requests() {
    let (_folder, listen) = new_socket();
    let server = falco("0.23.0", &listen);
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    until("it follows", || alerts.state() == State::Following);
    let begin = std::time::Instant::now();
    until("silence has slowed it down", || {
        begin.elapsed().as_secs() >= 3
    });
    // Every 10 ms would be 300.
    let requests = alerts.counters().requests;
    assert!((5..150).contains(&requests), "{requests}");
    server.push(numbered(0));
    assert_eq!(next(&mut alerts), 0);
}

#[test]
fn an_update_is_followed_and_so_is_its_reversal() {
    let (_folder, listen) = new_socket();
    let client = Client::open(&listen).unwrap();
    let mut alerts = client.subscribe().unwrap();
    let follow = |alerts: &mut Alerts, version: &str, at| {
        let server = falco(version, &listen);
        server.push(numbered(at));
        assert_eq!(next(alerts), at, "{version}");
        server.push(numbered(at));
        assert_eq!(next(alerts), at, "{version}");
        server.stop(LIMIT);
    };
    for (at, version) in ["0.19.0", "0.43.1", "0.23.0", "0.24.0"].iter().enumerate() {
        follow(&mut alerts, version, at);
    }
    // A client that learnt to know the old one reads the new one by its next call.
    // The subscription would take its alert.
    drop(alerts);
    for (at, version) in ["0.23.0", "0.43.1", "0.20.0"].iter().enumerate() {
        let server = falco(version, &listen);
        client.wait_connected(LIMIT).unwrap();
        server.push(numbered(at));
        let mut alerts = client.get().unwrap();
        assert_eq!(next(&mut alerts), at, "{version}");
        server.stop(LIMIT);
    }
}

#[test]
fn closing_before_the_generation_is_known_is_no_error() {
    let (_folder, listen) = new_socket();
    let server = falco("0.23.0", &listen);
    for _ in 0..20 {
        server.push(numbered(0));
        let client = Client::open(&listen).unwrap();
        let alerts = client.get().unwrap();
        alerts.handle().close();
        assert_eq!(numbers(alerts), [0]);
        let alerts = client.subscribe().unwrap();
        alerts.handle().close();
        assert!(alerts.into_iter().all(|alert| alert.is_ok()));
    }
}

#[test]
fn versions_are_returned_where_falco_has_the_call() {
    for version in ["0.20.0", "0.23.0", "0.36.2", "0.43.1"] {
        let (_folder, listen) = new_socket();
        let _server = falco(version, &listen);
        let answer = Client::open(&listen).unwrap().version().unwrap();
        assert_eq!(answer.version, version);
    }
    for version in ["0.18.0", "0.19.0"] {
        let (_folder, listen) = new_socket();
        let _server = falco(version, &listen);
        let error = Client::open(&listen).unwrap().version().unwrap_err();
        assert!(matches!(error, Error::Unimplemented { .. }), "{error}");
        assert!(error.to_string().contains("0.18 and 0.19"), "{error}");
    }
}

#[test]
fn without_grpc_the_error_names_the_alternative() {
    let (_folder, listen) = new_socket();
    let _server = falco("0.44.0", &listen);
    let client = Client::open(&listen).unwrap();
    for mut alerts in [client.get().unwrap(), client.subscribe().unwrap()] {
        let error = alerts.recv_timeout(LIMIT).unwrap().unwrap_err();
        assert!(matches!(error, Error::Unimplemented { .. }), "{error}");
        let text = error.to_string();
        for part in ["0.44", "http_output", "falco.output.service/subscribe"] {
            assert!(text.contains(part), "{part:?} is missing in: {text}");
        }
        assert!(alerts.recv().is_err());
        assert_eq!(alerts.state(), State::Ended);
    }
}
