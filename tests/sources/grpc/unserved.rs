//! A subscription that Falco accepts and does not serve, as it serves ten for each of its threads.

use falco_client::{Client, Config, Error, State};

use crate::common::raw::{server, Raw};
use crate::common::{next, numbered, until, LIMIT};

#[test]
fn its_state_says_so_and_its_alerts_arrive_all_the_same() {
    let (server, _folder) = server();
    let others = Raw::new(&server);
    let served = others.served(&server, 10);
    let mut alerts = Client::open(&server.endpoint().to_string())
        .unwrap()
        .subscribe()
        .unwrap();
    let mut sent = 0;
    until("the state says so", || {
        server.push(numbered(sent));
        assert_eq!(next(&mut alerts), sent);
        sent += 1;
        match alerts.state() {
            State::Waiting { why, .. } => why.contains("grpc.threadiness"),
            _ => false,
        }
    });
    assert!(sent >= 2, "one probe may have been chance");

    // With room again it is served like any other.
    drop(served);
    until("it follows", || {
        server.push(numbered(sent));
        assert_eq!(next(&mut alerts), sent);
        sent += 1;
        alerts.state() == State::Following
    });
}

#[test]
fn closing_it_takes_what_a_probe_has_found() {
    let (server, _folder) = server();
    let others = Raw::new(&server);
    let _served = others.served(&server, 10);
    let written = server.written();
    let mut alerts = Client::open(&server.endpoint().to_string())
        .unwrap()
        .subscribe()
        .unwrap();
    server.extend((0..20_000).map(numbered));
    assert_eq!(next(&mut alerts), 0);
    alerts.handle().close();
    let came = 1 + alerts.into_iter().map(Result::unwrap).count();
    assert_eq!(server.written() - written, came as u64);
}

#[test]
fn a_probe_hides_no_alert_that_is_too_large() {
    let (server, _folder) = server();
    let others = Raw::new(&server);
    let _served = others.served(&server, 10);
    let config = Config::new(server.endpoint()).max_message_bytes(5_000);
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    server.push(numbered(0));
    let large = "x".repeat(6_000);
    server.push(falco_client::Alert::builder().output(large).build());
    assert_eq!(next(&mut alerts), 0);
    let error = alerts.recv_timeout(LIMIT).unwrap().unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    server.push(numbered(1));
    assert_eq!(next(&mut alerts), 1);
}
