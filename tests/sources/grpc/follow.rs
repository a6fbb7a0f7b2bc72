//! A subscription goes on through everything that passes.

use std::ops::ControlFlow;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::Duration;

use falco_client::server::Server;
use falco_client::{Alerts, Client, Config, Error, State, Tls};
use futures::executor::block_on;
use futures::StreamExt;

use crate::common::certificates::Certificates;
use crate::common::process::replay;
use crate::common::{number, numbered, until, LIMIT};

fn socket(folder: &tempfile::TempDir) -> String {
    format!("unix://{}/falco.sock", folder.path().display())
}

fn serve(listen: &str) -> Server {
    Server::builder().listen(listen).start().unwrap()
}

fn next(alerts: &mut Alerts) -> usize {
    number(&alerts.recv_timeout(LIMIT).unwrap().unwrap())
}

#[test]
fn a_socket_that_does_not_exist_yet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    until("the state says why", || match alerts.state() {
        State::Waiting { why, .. } => why.contains("no such socket"),
        _ => false,
    });
    let server = serve(&listen);
    server.push(numbered(0));
    assert_eq!(next(&mut alerts), 0);
    assert_eq!(alerts.state(), State::Following);
}

#[test]
fn restarts_in_order_are_survived() {
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    for round in 0..20 {
        let server = serve(&listen);
        server.push(numbered(round));
        assert_eq!(next(&mut alerts), round);
        assert_eq!(server.written(), 1);
        server.stop(LIMIT);
    }
    alerts.handle().cancel();
    assert!(alerts.recv().is_err());
    assert_eq!(alerts.state(), State::Ended);
}

#[test]
fn a_stream_survives_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    block_on(async {
        for round in 0..5 {
            let server = serve(&listen);
            server.push(numbered(round));
            assert_eq!(number(&alerts.next().await.unwrap().unwrap()), round);
        }
    });
}

#[test]
fn a_callback_survives_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let (send, received) = mpsc::channel();
    let watch = Client::open(&listen).unwrap().subscribe_with(move |alert| {
        send.send(number(&alert.unwrap())).unwrap();
        ControlFlow::Continue(())
    });
    let watch = watch.unwrap();
    for round in 0..5 {
        let server = serve(&listen);
        server.push(numbered(round));
        assert_eq!(received.recv_timeout(LIMIT), Ok(round));
    }
    until("the last server is missed", || {
        matches!(watch.state(), State::Waiting { .. })
    });
    watch.handle().close();
    watch.wait().unwrap();
}

fn signal(process: &Child, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &process.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_stalled_server_is_noticed_and_followed_again() {
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let path = crate::common::recordings().join("dummy_json.pb");
    let config = Config::new(&listen)
        .stall_timeout(Duration::from_millis(600))
        .connect_timeout(Duration::from_millis(300));
    let client = Client::new(config).unwrap();
    let mut falco = replay(&listen, &path, &["--rate", "2000", "--loop"]);
    let mut alerts = client.subscribe().unwrap();
    alerts.recv_timeout(LIMIT).unwrap().unwrap();
    signal(&falco, "STOP");
    until("it is noticed", || match alerts.state() {
        State::Waiting { why, .. } => why.contains("no answer within"),
        _ => false,
    });
    // A call of its own has no better fate, and ends.
    let error = client
        .get()
        .unwrap()
        .recv_timeout(LIMIT)
        .unwrap()
        .unwrap_err();
    assert!(error.to_string().contains("answer"), "{error}");
    signal(&falco, "CONT");
    until("it follows again", || alerts.state() == State::Following);
    while alerts.try_recv().is_ok() {}
    alerts.recv_timeout(LIMIT).unwrap().unwrap();
    falco.kill().unwrap();
    falco.wait().unwrap();
}

#[test]
fn a_server_that_only_says_nothing_is_left_in_peace() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(&socket(&folder));
    let config = Config::new(server.endpoint()).stall_timeout(Duration::from_secs(3));
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    until("it follows", || alerts.state() == State::Following);
    // Longer than the deadline, and no state but one.
    for _ in 0..40 {
        assert!(alerts.recv_timeout(Duration::from_millis(100)).is_err());
        assert_eq!(alerts.state(), State::Following);
    }
    server.push(numbered(0));
    assert_eq!(next(&mut alerts), 0);
}

#[test]
fn closing_waits_for_a_stalled_server() {
    // It may stand still with nothing left to write, but not each time.
    let rest = (0..20)
        .map(|_| taken_after_a_stall())
        .find(|&rest| rest > 0);
    assert!(
        rest.is_some(),
        "nothing of what it wrote after standing still was taken"
    );
}

fn taken_after_a_stall() -> usize {
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let path = crate::common::recordings().join("dummy_json.pb");
    let mut falco = replay(&listen, &path, &["--rate", "2000", "--loop"]);
    let mut alerts = Client::open(&listen).unwrap().subscribe().unwrap();
    alerts.recv_timeout(LIMIT).unwrap().unwrap();
    signal(&falco, "STOP");
    // All that was written is here, and then nothing comes.
    while alerts.recv_timeout(Duration::from_millis(500)).is_ok() {}
    alerts.handle().close();
    let ended = alerts.recv_timeout(Duration::from_millis(500));
    assert!(
        matches!(ended, Err(mpsc::RecvTimeoutError::Timeout)),
        "{ended:?}"
    );
    signal(&falco, "CONT");
    let rest = alerts.into_iter().map(Result::unwrap).count();
    falco.kill().unwrap();
    falco.wait().unwrap();
    rest
}

#[test]
fn a_permanent_error_ends_it_at_once() {
    let certificates = Certificates::new();
    let other = Certificates::of_ca("other");
    let [ca, cert, key] = certificates.server_files();
    let server = Server::builder()
        .listen("localhost:0")
        .tls(Tls::from_files(ca, cert, key));
    let server = server.start().unwrap();
    let [_, cert, key] = certificates.client_files();
    let config =
        Config::new(server.endpoint()).tls(Tls::from_files(other.path("ca.crt"), cert, key));
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    let error = alerts.recv_timeout(LIMIT).unwrap().unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error}");
    assert!(alerts.recv().is_err());
    assert_eq!(alerts.state(), State::Ended);
}

#[test]
fn an_alert_above_the_limit_is_reported_and_the_next_follow() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(&socket(&folder));
    let config = Config::new(server.endpoint()).max_message_bytes(4_000);
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    server.push(numbered(0));
    assert_eq!(next(&mut alerts), 0);
    server.push(
        falco_client::Alert::builder()
            .output("x".repeat(5_000))
            .build(),
    );
    let error = alerts.recv_timeout(LIMIT).unwrap().unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    server.push(numbered(1));
    assert_eq!(next(&mut alerts), 1);
}

#[test]
fn closing_while_it_waits_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::open(&socket(&folder)).unwrap();
    for end in [falco_client::Handle::close, falco_client::Handle::cancel] {
        let mut alerts = client.subscribe().unwrap();
        until("it waits", || {
            matches!(alerts.state(), State::Waiting { .. })
        });
        end(&alerts.handle());
        assert!(alerts.recv_timeout(LIMIT).is_err());
        assert_eq!(alerts.state(), State::Ended);
    }
    // And while it has not even waited yet: perhaps the failure is reported, but nothing more is tried.
    let alerts = client.subscribe().unwrap();
    alerts.handle().close();
    assert!(alerts.into_iter().all(|item| item.is_err()));
}
