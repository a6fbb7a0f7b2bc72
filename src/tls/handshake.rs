//! What C-core makes of what was loaded.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use grpcio::{
    CertificateRequestType, ChannelBuilder, ChannelCredentialsBuilder, Environment, ServerBuilder,
    ServerCredentialsBuilder,
};

use super::certificates::{Certificates, Issued};
use super::Tls;

fn files([ca, cert, key]: [PathBuf; 3]) -> Tls {
    Tls::from_files(ca, cert, key)
}

/// Whether C-core gets through a mutual handshake with what was loaded.
fn handshake(server: &Tls, client: &Tls) -> bool {
    let (server, client) = (server.load().unwrap(), client.load().unwrap());
    let environment = Arc::new(Environment::new(1));
    let credentials = ServerCredentialsBuilder::new()
        .root_cert(
            server.ca,
            CertificateRequestType::RequestAndRequireClientCertificateAndVerify,
        )
        .add_cert(server.cert, server.key)
        .build();
    let mut listening = ServerBuilder::new(environment.clone()).build().unwrap();
    let port = listening
        .add_listening_port("127.0.0.1:0", credentials)
        .unwrap();
    listening.start();
    let credentials = ChannelCredentialsBuilder::new()
        .root_cert(client.ca)
        .cert(client.cert, client.key)
        .build();
    let channel = ChannelBuilder::new(environment)
        .override_ssl_target("localhost")
        .set_credentials(credentials)
        .connect(&format!("127.0.0.1:{port}"));
    futures::executor::block_on(channel.wait_for_connected(Duration::from_secs(20)))
}

#[test]
fn falcos_own_certificates_work() {
    for certificates in [Certificates::new(), Certificates::rsa()] {
        let server = files(certificates.server_files());
        assert!(handshake(&server, &files(certificates.client_files())));
    }
}

#[test]
fn each_form_of_key_works() {
    let (ec, rsa) = (Certificates::new(), Certificates::rsa());
    for (certificates, key) in [
        (&ec, ec.client.sec1()),
        (
            &ec,
            [b"Bag Attributes\n".to_vec(), ec.client.pkcs8()].concat(),
        ),
        (&rsa, rsa.client.pkcs1()),
        (
            &rsa,
            String::from_utf8(rsa.client.pkcs1())
                .unwrap()
                .replace('\n', "\r\n")
                .into(),
        ),
        // One file with both.
        (&rsa, [rsa.client.crt(), rsa.client.pkcs8()].concat()),
    ] {
        let client = Tls::from_pem(
            certificates.ca.crt(),
            certificates.client.crt(),
            key.clone(),
        );
        let shown = String::from_utf8_lossy(&key).into_owned();
        assert!(
            client
                .load()
                .unwrap()
                .key
                .starts_with(b"-----BEGIN PRIVATE KEY-----"),
            "{shown}"
        );
        assert!(
            handshake(&files(certificates.server_files()), &client),
            "{shown}"
        );
    }
}

#[test]
fn chains_and_several_cas_work() {
    let (ours, other) = (Certificates::new(), Certificates::of_ca("Other CA"));
    let intermediate = ours.ca.intermediate();
    let client = intermediate.leaf();
    let tls = |ca, leaf: &Issued, chain: &[u8]| {
        Tls::from_pem(ca, [&leaf.crt(), chain].concat(), leaf.pkcs8())
    };
    let both = [other.ca.crt(), b"# ours\n".to_vec(), ours.ca.crt()].concat();
    let client = tls(both.clone(), &client, &intermediate.crt());
    assert!(handshake(&tls(both.clone(), &ours.server, b""), &client));
    assert!(handshake(&tls(both, &other.server, b""), &client));
}

#[test]
fn what_the_script_makes_works_and_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let script = || {
        Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/script/certificates"))
            .arg(folder.path())
            .output()
            .unwrap()
    };
    let first = script();
    assert!(first.status.success(), "{first:?}");
    let tls = |side: &str| {
        let path = |name: &str| folder.path().join(name);
        files([
            path("ca.crt"),
            path(&format!("{side}.crt")),
            path(&format!("{side}.key")),
        ])
    };
    assert!(handshake(&tls("server"), &tls("client")));

    let again = script();
    assert!(!again.status.success());
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(
        told.contains("ca.crt exists already; remove it, or give another folder"),
        "{told}"
    );
    assert!(handshake(&tls("server"), &tls("client")));
}
