//! Messages far beyond the usual size, with no option set.

use falco_client::server::Server;
use falco_client::{Alert, Client, Config};

use crate::common::certificates::Certificates;
use crate::common::LIMIT;
use crate::falco::{socket, tls};
use crate::report;

fn large() -> [(&'static str, Alert); 3] {
    let text = |length: usize| "0123456789abcdef".repeat(length / 16);
    let mut many = Alert::builder().time(std::time::UNIX_EPOCH);
    for number in 0..100_000 {
        many = many.field(format!("field.{number}"), number.to_string());
    }
    let mut long = Alert::builder().time(std::time::UNIX_EPOCH);
    for number in 0..16 {
        long = long.field(format!("field.{number}"), text(1 << 20));
    }
    [
        (
            "64 MiB",
            Alert::builder()
                .time(std::time::UNIX_EPOCH)
                .output(text(64 << 20))
                .build(),
        ),
        ("100000 fields", many.build()),
        ("16 fields of 1 MiB", long.build()),
    ]
}

fn delivered(server: &Server, config: Config, over: &str) {
    let client = Client::new(config).unwrap();
    let mut subscription = client.subscribe().unwrap();
    for (what, alert) in large() {
        server.push(alert.clone());
        server.push(Alert::builder().rule("next").build());
        let received = subscription.recv_timeout(LIMIT).unwrap().unwrap();
        assert!(received == alert, "{what}");
        assert!(received.fields().eq(alert.fields()), "{what}");
        // Some only, as each is looked for among all before it.
        for (name, value) in alert.fields().step_by(9_999) {
            assert_eq!(received.field(name), Some(value), "{what}");
        }
        let next = subscription.recv_timeout(LIMIT).unwrap().unwrap();
        assert_eq!(next.rule(), "next");
    }
    subscription.handle().close();
    assert!(subscription.recv().is_err());
    server.extend(large().map(|(_, alert)| alert));
    let got: Vec<_> = client
        .get()
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(large().map(|(_, alert)| alert) == got[..]);
    report(&format!(
        "messages of 64 MiB, of 100,000 fields, with values of 1 MiB, over {over}: delivered"
    ));
}

#[test]
fn large_over_unix() {
    let folder = tempfile::tempdir().unwrap();
    let listen = socket(&folder);
    let server = Server::builder().listen(&listen).start().unwrap();
    delivered(&server, Config::new(listen), "a unix socket");
}

#[test]
fn large_over_tls() {
    let certificates = Certificates::new();
    let builder = Server::builder().listen("localhost:0");
    let server = builder
        .tls(tls(&certificates.server_files()))
        .start()
        .unwrap();
    let config = Config::new(server.endpoint()).tls(tls(&certificates.client_files()));
    delivered(&server, config, "mutual TLS");
}
