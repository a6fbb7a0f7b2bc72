//! Sockets, ports, names, and what else may listen there.

mod strangers;
mod tls;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use falco_client::check::{Check, Report, Step};
use falco_client::{Client, Config, Error, Tls};

use super::check;
use crate::common::certificates::Certificates;
use crate::common::{self, Falco};

fn steps(report: &Report) -> Vec<Step> {
    report
        .findings()
        .iter()
        .map(|finding| finding.step)
        .collect()
}

/// The way is broken at this step, and what is said there and by a client is the same.
#[track_caller]
fn broken(config: Config, step: Step, parts: &[&str]) -> Report {
    let report = check(&config);
    println!("{report}");
    let failed = report.failed().unwrap_or_else(|| panic!("{report}"));
    assert_eq!(failed.step, step, "{report}");
    assert_eq!(report.findings().last(), Some(failed), "{report}");
    let error = Client::new(config)
        .and_then(|client| client.version())
        .unwrap_err();
    println!("   client: {error}");
    for said in [failed.to_string(), error.to_string()] {
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    }
    report
}

fn certificates() -> (Certificates, Tls) {
    let certificates = Certificates::new();
    let [ca, cert, key] = certificates.client_files();
    let tls = Tls::from_files(ca, cert, key);
    (certificates, tls)
}

#[test]
fn a_falco_that_is_well() {
    let falco = Falco::holding(3);
    let report = check(&Config::new(falco.endpoint()));
    assert!(report.failed().is_none(), "{report}");
    assert_eq!(
        steps(&report),
        [Step::Endpoint, Step::Socket, Step::Version, Step::Outputs]
    );
    let found: Vec<_> = report
        .findings()
        .iter()
        .map(|it| it.found.as_str())
        .collect();
    assert!(
        found[1].contains(", mode 0755, which this user may write to"),
        "{report}"
    );
    assert_eq!(
        found[2..],
        [
            "Falco 0.43.1, engine 0.58.0",
            "falco.outputs.service, as in Falco 0.24 to 0.43"
        ]
    );
    let alerts = falco.client().get().unwrap();
    assert_eq!(common::numbers(alerts), [0, 1, 2], "a check takes none");
}

#[test]
fn configs_that_cannot_be_used() {
    for (config, step, parts) in [
        (
            Config::new("falco"),
            Step::Endpoint,
            ["endpoint \"falco\": has no port", "falco:5060"],
        ),
        (
            Config::new("localhost:5060"),
            Step::Config,
            ["tls: ", "Falco requires mutual TLS"],
        ),
        (
            Config::default().call_timeout(Duration::ZERO),
            Step::Config,
            ["call_timeout: 0ns is out of range", "give 1 ms to 24 days"],
        ),
    ] {
        broken(config, step, &parts);
    }
}

#[test]
fn sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    std::fs::write(path("file"), "").unwrap();
    drop(UnixListener::bind(path("stale")).unwrap());
    for (name, parts) in [
        ("none", ["no such socket", "grpc.enabled"]),
        ("file", ["not a socket", "grpc.bind_address"]),
        (
            "stale",
            [
                "nothing listens on this socket",
                "see whether Falco is running",
            ],
        ),
    ] {
        let config = Config::new(format!("unix://{}", path(name).display()));
        broken(config, Step::Socket, &parts);
    }
}

#[test]
fn a_socket_that_never_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silent.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let config = Config::new(format!("unix://{}", path.display()));
    let config = config.connect_timeout(Duration::from_millis(300));
    broken(
        config,
        Step::Version,
        &["did not answer as a gRPC server", "connect_timeout"],
    );
}

#[test]
fn names_and_ports() {
    let (_folder, tls) = certificates();
    let config = Config::new("no-such-host.invalid:5060").tls(tls.clone());
    broken(
        config,
        Step::Name,
        &["the host name was not found", "spelt"],
    );

    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = Config::new(format!("127.0.0.1:{port}")).tls(tls);
    let report = broken(
        config,
        Step::Tcp,
        &["nothing listens there", "grpc.enabled", "0.44"],
    );
    assert_eq!(steps(&report), [Step::Endpoint, Step::Tcp]);
}

/// A server on a port of its own that does the same with each connection.
fn serving(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(move || serve(connection));
        }
    });
    address
}

/// Answers whatever comes, and keeps the connection.
fn answering(answer: &'static [u8]) -> String {
    serving(move |mut connection| {
        let _some = connection.read(&mut [0; 1024]);
        let _gone = connection.write_all(answer);
        let _end = connection.read_to_end(&mut Vec::new());
    })
}

#[test]
fn a_check_inside_a_callback_is_refused() {
    let falco = Falco::holding(1);
    let config = Config::new(falco.endpoint());
    let (send, report) = std::sync::mpsc::channel();
    let watch = falco.client().get_with(move |_| {
        send.send(Check::new(config.clone()).run()).unwrap();
        std::ops::ControlFlow::Continue(())
    });
    let refused = report.recv_timeout(common::LIMIT).unwrap();
    assert!(matches!(
        refused,
        Err(Error::WouldDeadlock { call: "check", .. })
    ));
    watch.unwrap().wait().unwrap();
}
