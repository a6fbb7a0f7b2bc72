//! A server that breaks the TLS handshake off: the check and the client's error say the same.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use falco_client::check::Step;
use falco_client::{Client, Config, Tls};

use super::check;
use crate::common::certificates::Certificates;

/// Answers each ClientHello with this fatal alert, or with none, and hangs up.
fn breaks_off(alert: Option<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut record = [0; 5];
            if stream.read_exact(&mut record).is_err() {
                continue;
            }
            let mut hello = vec![0; usize::from(u16::from_be_bytes([record[3], record[4]]))];
            let _ = stream.read_exact(&mut hello);
            if let Some(alert) = alert {
                let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, alert]);
            }
        }
    });
    format!("127.0.0.1:{port}")
}

#[test]
fn a_server_that_breaks_the_handshake_off_is_named_with_the_remedy() {
    let certificates = Certificates::new();
    let [ca, cert, key] = certificates.client_files();
    // The numbers are those of RFC 8446, section 6.
    for (alert, problem, remedy) in [
        (
            Some(112),
            "does not know the name that it is called by",
            "server_name",
        ),
        (Some(49), "does not admit the name in it", "grpc.root_certs"),
        (Some(46), "it does not accept it", "grpc.root_certs"),
        (Some(42), "refused our certificate", "grpc.root_certs"),
        (
            Some(80),
            "ended the handshake with the TLS alert",
            "what its log says",
        ),
        (None, "the connection was closed by the server", ""),
    ] {
        let config = Config::new(breaks_off(alert))
            .tls(Tls::from_files(&ca, &cert, &key))
            .server_name("localhost");
        let report = check(&config);
        let failed = report.failed().unwrap_or_else(|| panic!("{report}"));
        assert_eq!(failed.step, Step::Tls, "{report}");
        let said = failed.to_string();
        assert!(
            said.contains(problem) && said.contains(remedy),
            "{alert:?}: {said}"
        );
        let error = Client::new(config)
            .unwrap()
            .version()
            .unwrap_err()
            .to_string();
        assert!(error.contains(problem), "{alert:?}: {error}");
    }
}
