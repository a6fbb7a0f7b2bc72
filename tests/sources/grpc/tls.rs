//! Mutual TLS: what works, and how a refusal is explained.

use std::sync::Arc;

use falco_client::server::Server;
use falco_client::{Client, Config, Tls};
use grpcio::{EnvBuilder, ServerBuilder, ServerCredentials};

use crate::common::certificates::Certificates;
use crate::common::failing::{assert_says, failure, serve, tls};
use crate::common::{number, numbered};

/// As after a second run of the documentation's commands: the CAs have the same name.
#[test]
fn a_ca_of_the_same_name_with_another_key() {
    for make in [Certificates::new, Certificates::rsa] {
        let (certificates, other) = (make(), make());
        let server = serve(&certificates);
        let [_, cert, key] = certificates.client_files();
        let config =
            Config::new(server.endpoint()).tls(Tls::from_files(other.path("ca.crt"), cert, key));
        assert_says(&failure(config), &["another of the same name", "ca.crt"]);
    }
}

#[test]
fn tls_on_a_plaintext_port() {
    let environment = Arc::new(EnvBuilder::new().cq_count(1).build());
    let mut server = ServerBuilder::new(environment).build().unwrap();
    let port = server
        .add_listening_port("127.0.0.1:0", ServerCredentials::insecure())
        .unwrap();
    server.start();
    let certificates = Certificates::new();
    let config = Config::new(format!("127.0.0.1:{port}")).tls(tls(certificates.client_files()));
    assert_says(&failure(config), &["TLS", "port"]);
}

#[test]
fn plaintext_on_the_tls_port() {
    let certificates = Certificates::new();
    let server = serve(&certificates);
    let error = failure(Config::new(server.endpoint()).plaintext(true));
    assert_says(&error, &["TLS"]);
}

#[test]
fn the_documentations_certificates_work() {
    for certificates in [Certificates::new(), Certificates::rsa()] {
        let server = serve(&certificates);
        server.push(numbered(7));
        let config = Config::new(server.endpoint()).tls(tls(certificates.client_files()));
        let client = Client::new(config).unwrap();
        client.wait_connected(crate::common::LIMIT).unwrap();
        assert_eq!(number(&client.get().unwrap().recv().unwrap().unwrap()), 7);
    }
}

#[test]
fn an_ipv6_address_and_another_name_work() {
    let certificates = Certificates::for_names(&["falco.example"]);
    let tls_files = tls(certificates.server_files());
    let server = Server::builder()
        .listen("[::1]:0")
        .tls(tls_files)
        .start()
        .unwrap();
    assert!(server.endpoint().to_string().starts_with("[::1]:"));
    let config = Config::new(server.endpoint()).tls(tls(certificates.client_files()));
    assert_says(
        &failure(config.clone()),
        &["is for falco.example, not for ::1", "server_name"],
    );
    let client = Client::new(config.server_name("falco.example")).unwrap();
    assert_eq!(client.version().unwrap().version, "0.43.1");
}

#[test]
fn a_ca_that_did_not_sign_the_server() {
    let certificates = Certificates::new();
    let other = Certificates::of_ca("other");
    let server = serve(&certificates);
    let [_, cert, key] = certificates.client_files();
    let config =
        Config::new(server.endpoint()).tls(Tls::from_files(other.path("ca.crt"), cert, key));
    assert_says(&failure(config), &["not by any certificate in", "ca.crt"]);
}

#[test]
fn a_client_certificate_of_another_ca() {
    let certificates = Certificates::new();
    let other = Certificates::of_ca("other");
    let server = serve(&certificates);
    let [_, cert, key] = other.client_files();
    let config =
        Config::new(server.endpoint()).tls(Tls::from_files(certificates.path("ca.crt"), cert, key));
    assert_says(
        &failure(config),
        &["refused our certificate", "CN=other", "ca.crt"],
    );
}

/// Who renews certificates before they expire writes them over the old ones.
#[test]
fn a_subscription_takes_renewed_certificates() {
    let old = Certificates::new();
    let server = serve(&old);
    let port = match server.endpoint() {
        falco_client::Endpoint::Tcp { port, .. } => port,
        other => panic!("{other}"),
    };
    let config = Config::new(server.endpoint())
        .tls(tls(old.client_files()))
        .keep_trying(true);
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    server.push(numbered(0));
    assert_eq!(crate::common::next(&mut alerts), 0);
    drop(server);

    let new = Certificates::of_ca("Renewed CA");
    let server = Server::builder()
        .listen(format!("localhost:{port}"))
        .tls(tls(new.server_files()))
        .start()
        .unwrap();
    // What it has does not fit any more, and the reader gets the error.
    let error = alerts
        .recv_timeout(crate::common::LIMIT)
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(error, falco_client::Error::Untrusted { .. }),
        "{error}"
    );
    for (from, to) in new.client_files().iter().zip(old.client_files()) {
        std::fs::copy(from, to).unwrap();
    }
    server.push(numbered(1));
    assert_eq!(crate::common::next(&mut alerts), 1);
}
