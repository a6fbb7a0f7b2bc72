//! The check says what libcurl, which Falco posts with, does.

use std::path::Path;
use std::process::Command;

use falco_client::{Alert, Client, Config, Endpoint, Tls};

use super::check;
use crate::common::certificates::Certificates;

/// Whether curl, whose library Falco uses, posts an alert to a listener with these certificates.
fn is_posted(ours: &Certificates, host: &str, ca: &Path) -> bool {
    let [_, cert, key] = ours.server_files();
    let config = Config::new("listen+https://127.0.0.1:0").tls(Tls::server_from_files(cert, key));
    let client = Client::new(config).unwrap();
    let _alerts = client.subscribe().unwrap();
    let Endpoint::Listen { port, .. } = client.endpoint() else {
        panic!("{}", client.endpoint());
    };
    let curl = Command::new("curl")
        .args(["--silent", "--noproxy", "*", "--max-time", "60", "--cacert"])
        .arg(ca)
        .args(["--data", &Alert::builder().build().falco_json().to_string()])
        .arg(format!("https://{host}:{port}/"))
        .output();
    let ended = curl.expect("this test needs the command curl: install the package curl");
    ended.status.success()
}

#[test]
fn check_and_libcurl_agree() {
    let other = Certificates::of_ca("Other CA");
    let mut verdicts = [0, 0];
    for ours in [
        Certificates::new(),
        Certificates::for_names(&["localhost"]),
        Certificates::for_names(&["127.0.0.1"]),
        Certificates::for_names(&["*.localhost", "::1"]),
    ] {
        let cas = [
            ours.path("ca.crt"),
            ours.path("server.crt"),
            other.path("ca.crt"),
        ];
        for (host, ca) in ["localhost", "127.0.0.1"]
            .iter()
            .flat_map(|host| cas.iter().map(move |ca| (host, ca)))
        {
            let [_, cert, key] = ours.server_files();
            let config = Config::new("listen+https://127.0.0.1:0");
            let lines = [
                format!("url: https://{host}:2801/"),
                format!("ca_cert: {}", ca.display()),
            ];
            let report = check(config.tls(Tls::server_from_files(cert, key)), &lines);
            let posted = is_posted(&ours, host, ca);
            assert_eq!(report.failed().is_none(), posted, "{report}");
            verdicts[usize::from(posted)] += 1;
        }
    }
    assert!(verdicts[0] > 10 && verdicts[1] > 4, "{verdicts:?}");
}
