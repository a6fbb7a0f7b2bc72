//! Where the embedded Falco listens, what feeds it, and how it ends.

use std::fs;
use std::num::NonZeroU32;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use falco_client::api::grpcio::{ChannelCredentials, ChannelCredentialsBuilder};
use falco_client::server::Server;
use falco_client::{Endpoint, Error, Tls};
use futures::executor::block_on;
use futures::SinkExt as _;

use crate::common::certificates::Certificates;
use crate::common::raw::{is_unavailable, numbered, push, server, take, Raw};
use crate::common::until;

/// Long enough to be noticed as a hang.
const LONG: Duration = Duration::from_secs(600);

fn unix(path: &Path) -> String {
    format!("unix://{}", path.display())
}

#[test]
fn stop_waits_for_a_sub_to_ask_and_ends_it_with_ok() {
    let (server, folder) = server();
    let client = Raw::new(&server);
    let mut sub = client.served(&server, 1).remove(0);

    let (ended, end) = mpsc::channel();
    let stopping = thread::spawn(move || {
        server.stop(LONG);
        ended.send(()).unwrap();
    });
    until("new calls are refused", || is_unavailable(client.version()));
    assert!(sub.is_silent());
    assert!(end.try_recv().is_err(), "the stop did not wait");

    sub.ask();
    sub.status().unwrap();
    stopping.join().unwrap();
    assert!(!folder.path().join("falco.sock").exists());
    assert!(is_unavailable(client.version()));
}

#[test]
fn stop_ends_a_get_with_ok_and_keeps_nobody_waiting() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let big = [
        numbered(0),
        b"\x2a\x80\x80\x40".to_vec(),
        vec![b'x'; 1 << 20],
    ]
    .concat();
    (0..64).for_each(|_| server.push_bytes(big.as_slice()));
    let mut get = client.get();
    assert_eq!(take(&mut get, 1).0.len(), 1);
    let stopping = thread::spawn(move || server.stop(LONG));
    until("new calls are refused", || is_unavailable(client.version()));
    let (rest, end) = take(&mut get, usize::MAX);
    assert!(end.is_ok() && rest.len() < 63, "{} {end:?}", rest.len());
    stopping.join().unwrap();
}

#[test]
fn stop_sends_away_who_waits_to_be_served() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let mut served = client.served(&server, 10);
    let mut waiting = client.sub();
    client.round_trips();
    let stopping = thread::spawn(move || server.stop(LONG));
    assert!(is_unavailable(waiting.status()));
    for sub in &mut served {
        sub.ask();
        sub.status().unwrap();
    }
    stopping.join().unwrap();
}

#[test]
fn after_the_grace_period_calls_are_cancelled() {
    for grace in [Duration::ZERO, Duration::from_millis(20)] {
        let (server, folder) = server();
        let client = Raw::new(&server);
        let mut asked = client.served(&server, 1).remove(0);
        let mut half_closed = client.sub();
        block_on(half_closed.requests.close()).unwrap();
        client.round_trips();
        server.stop(grace);
        assert!(asked.status().is_err());
        assert!(half_closed.status().is_err());
        assert!(!folder.path().join("falco.sock").exists());
    }
}

#[test]
fn dropping_a_server_ends_it_at_once() {
    let (server, folder) = server();
    let client = Raw::new(&server);
    let mut sub = client.sub();
    client.round_trips();
    drop(server);
    assert!(is_unavailable(sub.status()));
    assert!(!folder.path().join("falco.sock").exists());
}

#[test]
fn a_replay_appends_in_order_and_can_be_stopped() {
    let (server, _folder) = server();
    let client = Raw::new(&server);
    let at_once = server.replay((0..100).map(numbered), None).unwrap();
    assert_eq!(at_once.wait(), 100);
    let at_a_rate = server
        .replay((100..150).map(numbered), NonZeroU32::new(5000))
        .unwrap();
    assert_eq!(at_a_rate.wait(), 50);
    assert_eq!(client.get_all().0, (0..150).collect::<Vec<_>>());

    let endless = server.replay(
        std::iter::repeat_with(|| numbered(0)),
        NonZeroU32::new(10_000),
    );
    let endless = endless.unwrap();
    until("the replay appends", || endless.pushed() > 100);
    endless.stop();
    let pushed = endless.wait();
    assert_eq!(client.get_all().0.len() as u64, pushed);

    // The next message is far away, the end of the server is not.
    let slow = server
        .replay((0..2).map(numbered), NonZeroU32::new(1))
        .unwrap();
    until("the first message comes at once", || slow.pushed() > 0);
    drop(server);
    assert_eq!(slow.wait(), 1);
}

#[test]
fn a_stale_socket_file_does_not_hinder_and_a_live_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("with space % and ü.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = Server::builder().listen(unix(&path)).start().unwrap();
    assert_eq!(first.endpoint(), Endpoint::Unix(path.clone()));

    let error = Server::builder().listen(unix(&path)).start().unwrap_err();
    assert!(matches!(error, Error::Listen { .. }), "{error:?}");
    let error = error.to_string();
    assert!(
        error.contains(&unix(&path)) && error.contains("listens there already"),
        "{error}"
    );

    push(&first, 0..1);
    let encoded = "with%20space%20%25%20and%20%C3%BC.sock";
    let target = format!("unix:{}/{encoded}", folder.path().display());
    let client = Raw::over(target, ChannelCredentials::insecure());
    let (numbers, end) = client.get_all();
    assert!(numbers == [0] && end.is_ok(), "{numbers:?} {end:?}");
}

#[test]
fn what_cannot_be_listened_at_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a socket").unwrap();
    let missing = folder.path().join("missing").join("falco.sock");
    let tls = || Tls::from_pem("", "", "");
    for (path, problem) in [(&file, "not a socket"), (&missing, "make its folder first")] {
        let error = Server::builder().listen(unix(path)).start().unwrap_err();
        assert!(matches!(error, Error::Listen { .. }), "{error:?}");
        assert!(error.to_string().contains(problem), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a socket");

    let socket = unix(&folder.path().join("s"));
    for (builder, wrong, problem) in [
        (
            Server::builder().listen(&socket).tls(tls()),
            "tls",
            format!("{socket}: a unix socket carries no TLS"),
        ),
        (
            Server::builder().listen("localhost:0"),
            "tls",
            "localhost:0: Falco serves TCP with mutual TLS only".into(),
        ),
        (
            Server::builder().listen(&socket).threadiness(100_000),
            "threadiness",
            "100000 is more than 256; give less".into(),
        ),
    ] {
        let error = builder.start().unwrap_err();
        assert!(
            matches!(error, Error::Config { option, .. } if option == wrong),
            "{error:?}"
        );
        assert!(error.to_string().contains(&problem), "{error}");
    }
    assert!(matches!(
        Server::builder().start().unwrap_err(),
        Error::Endpoint { .. }
    ));
    let error = Server::builder()
        .listen("localhost:0")
        .tls(tls())
        .start()
        .unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
}

fn server_tls(certificates: &Certificates) -> Tls {
    let [ca, cert, key] = certificates.server_files();
    Tls::from_files(ca, cert, key)
}

fn client_tls(certificates: &Certificates) -> ChannelCredentials {
    ChannelCredentialsBuilder::new()
        .root_cert(certificates.ca.crt())
        .cert(certificates.client.crt(), certificates.client.pkcs8())
        .build()
}

#[test]
fn tcp_is_served_to_clients_with_a_certificate_of_the_ca() {
    let certificates = Certificates::new();
    let tcp = || Server::builder().tls(server_tls(&certificates));
    let server = tcp().listen("localhost:0").start().unwrap();
    let Endpoint::Tcp { host, port } = server.endpoint() else {
        panic!("{server:?}")
    };
    assert_eq!(host, "localhost");
    assert_ne!(port, 0);
    push(&server, 0..1);

    let target = || server.endpoint().to_string();
    let nobody = ChannelCredentialsBuilder::new()
        .root_cert(certificates.ca.crt())
        .build();
    assert!(is_unavailable(Raw::over(target(), nobody).version()));
    let foreign = Certificates::new();
    let stranger = ChannelCredentialsBuilder::new()
        .root_cert(certificates.ca.crt())
        .cert(foreign.client.crt(), foreign.client.pkcs8())
        .build();
    assert!(is_unavailable(Raw::over(target(), stranger).version()));
    assert!(is_unavailable(
        Raw::over(target(), ChannelCredentials::insecure()).version()
    ));
    assert_eq!(
        Raw::over(target(), client_tls(&certificates)).get_all().0,
        [0]
    );

    let error = tcp().listen(target()).start().unwrap_err();
    assert!(matches!(error, Error::Listen { .. }), "{error:?}");
    let error = error.to_string();
    assert!(
        error.contains(&target()) && error.contains("end what listens there"),
        "{error}"
    );

    drop(server);
    let again = tcp().listen(format!("localhost:{port}")).start().unwrap();
    assert_eq!(again.endpoint(), Endpoint::Tcp { host, port });
}
