//! TLS servers without gRPC behind them.

use std::io::Read as _;
use std::net::TcpStream;

use falco_client::check::Step;
use falco_client::{Config, Tls};
use openssl::pkey::PKey;
use openssl::ssl::{
    select_next_proto, AlpnError, SslAcceptor, SslContextBuilder, SslMethod, SslStream,
    SslVerifyMode, SslVersion,
};
use openssl::x509::X509;

use super::{answering, broken, certificates, serving, steps};
use crate::common::certificates::Certificates;

/// A TLS server without gRPC behind it.
fn tls_server(
    certificates: &Certificates,
    set: impl FnOnce(&mut SslContextBuilder),
    serve: impl Fn(SslStream<TcpStream>) + Clone + Send + Sync + 'static,
) -> String {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    let certificate = X509::from_pem(&certificates.server.crt()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    let key = PKey::private_key_from_pem(&certificates.server.pkcs8()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_alpn_select_callback(|_, offered| {
        select_next_proto(b"\x02h2", offered).ok_or(AlpnError::NOACK)
    });
    let ca = X509::from_pem(&certificates.ca.crt()).unwrap();
    acceptor.cert_store_mut().add_cert(ca).unwrap();
    set(&mut acceptor);
    let acceptor = acceptor.build();
    serving(move |connection| {
        if let Ok(stream) = acceptor.accept(connection) {
            serve(stream);
        }
    })
}

/// As a server other than C-core's refuses a client: with a TLS alert, that says why.
#[test]
fn a_tls_alert_says_why_our_certificate_is_refused() {
    let (certificates, _) = certificates();
    let foreign = Certificates::of_ca("Other CA");
    let tls = |of: &Certificates| {
        Tls::from_pem(certificates.ca.crt(), of.client.crt(), of.client.pkcs8())
    };
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let endpoint = tls_server(
            &certificates,
            |acceptor| {
                acceptor.set_min_proto_version(Some(version)).unwrap();
                acceptor.set_max_proto_version(Some(version)).unwrap();
                acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
            },
            |mut stream| drop(stream.read_to_end(&mut Vec::new())),
        );
        let parts = [
            "the server refused our certificate (O=Test, CN=localhost, signed by O=Test, CN=Other CA)",
            "it does not know the CA (TLS alert: unknown ca)",
            "the CA configured here did not sign it either",
        ];
        let config = Config::new(endpoint).tls(tls(&foreign));
        broken(config.server_name("localhost"), Step::Tls, &parts);
    }
}

#[test]
fn an_alert_about_something_else() {
    let (_folder, tls) = certificates();
    let config = Config::new(answering(b"\x15\x03\x03\0\x02\x02\x46")).tls(tls);
    let parts = [
        "ended the handshake with the TLS alert protocol version",
        "grpc.bind_address",
    ];
    broken(config, Step::Tls, &parts);
}

#[test]
fn a_server_without_http2() {
    let (certificates, tls) = certificates();
    let endpoint = tls_server(
        &certificates,
        |acceptor| acceptor.set_alpn_select_callback(|_, _| Err(AlpnError::NOACK)),
        |mut stream| drop(stream.read_to_end(&mut Vec::new())),
    );
    let config = Config::new(endpoint).tls(tls).server_name("localhost");
    let report = broken(config, Step::Alpn, &["does not agree on HTTP/2 (ALPN h2)"]);
    assert!(steps(&report).contains(&Step::Tls), "{report}");
}

#[test]
fn hostile_names_of_a_server_stay_in_one_line() {
    use crate::common::certificates::{ec, Issued};
    let hostile = "a\n\u{1b}[2J; run this";
    let ca = Issued::root("Root CA", ec());
    let server = Issued::root(hostile, ec());
    let client = ca.leaf();
    let (certificate, key) = (server.certificate.clone(), server.key.clone());
    let endpoint = tls_server(
        &Certificates::new(),
        move |acceptor| {
            acceptor.set_certificate(&certificate).unwrap();
            acceptor.set_private_key(&key).unwrap();
        },
        drop,
    );
    let tls = Tls::from_pem(ca.crt(), client.crt(), client.pkcs8());
    let config = Config::new(endpoint).tls(tls).server_name("localhost");
    let report = broken(
        config,
        Step::Tls,
        &["CN=a\\n\\u{1b}[2J, run this", "give the ca.crt"],
    );
    let failed = report.failed().unwrap();
    assert!(!failed.found.contains(char::is_control), "{failed:?}");
    assert!(
        !failed.remedy.as_deref().unwrap().contains("run this"),
        "{failed:?}"
    );
}
