//! TLS and mutual TLS, as Falco's `http_output` does them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use falco_client::{Client, Config, Endpoint, Tls};

use crate::common::certificates::Certificates;
use crate::common::line;

/// What curl says of a post.
pub fn post(port: u16, ca: &PathBuf, more: &[&str]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body");
    fs::write(&body, line(3)).unwrap();
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--write-out",
        "%{http_code}",
        "--cacert",
    ])
    .arg(ca)
    .args(more)
    .arg("--data-binary")
    .arg(format!("@{}", body.display()))
    .arg(format!("https://localhost:{port}/"));
    let ended = curl
        .output()
        .expect("this test needs the command curl: install the package curl");
    match ended.status.success() {
        true => Ok(String::from_utf8(ended.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
    }
}

pub fn listen(tls: Tls) -> (Client, u16) {
    let client = Client::new(Config::new("listen+https://localhost:0").tls(tls)).unwrap();
    let Endpoint::Listen { port, .. } = client.endpoint() else {
        panic!("{}", client.endpoint())
    };
    let port = *port;
    (client, port)
}

#[test]
fn tls_without_client_certificates() {
    let certificates = Certificates::for_names(&["localhost"]);
    let [ca, cert, key] = certificates.server_files();
    let (client, port) = listen(Tls::server_from_files(cert, key));
    let mut alerts = client.subscribe().unwrap();
    assert_eq!(post(port, &ca, &[]).unwrap(), "200");
    assert_eq!(crate::common::next(&mut alerts), 3);
    let other = Certificates::of_ca("Another");
    let refused = post(port, &other.path("ca.crt"), &[]).unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
}

#[test]
fn mutual_tls_lets_in_who_was_signed_by_the_ca() {
    // As Falco's documentation makes them: X.509 v1, CN=localhost, no subjectAltName.
    for certificates in [Certificates::rsa(), Certificates::new()] {
        let [ca, cert, key] = certificates.server_files();
        let (client, port) = listen(Tls::from_files(&ca, cert, key));
        let mut alerts = client.subscribe().unwrap();
        let [_, cert, key] = certificates.client_files();
        let ours = [
            "--cert",
            cert.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
        ];
        let stranger = Certificates::of_ca("Another");
        let [_, cert, key] = stranger.client_files();
        let theirs = [
            "--cert",
            cert.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
        ];
        assert!(post(port, &ca, &[]).is_err(), "without a certificate");
        assert!(post(port, &ca, &theirs).is_err(), "with that of another CA");
        assert_eq!(post(port, &ca, &ours).unwrap(), "200");
        assert_eq!(crate::common::next(&mut alerts), 3);
        assert_eq!(alerts.counters().alerts, 1);
        assert_eq!(alerts.counters().refused, 2);
    }
}

/// `watch` at a port with this certificate, and what it says when posts have failed there.
fn said_of(certificates: &Certificates, posts: &[(&Path, &str, &str)]) -> String {
    let [_, cert, key] = certificates.server_files();
    let mut watch = Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args([
            "watch",
            "--endpoint",
            "listen+https://localhost:0",
            "--cert",
        ])
        .arg(cert)
        .arg("--key")
        .arg(key)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(watch.stderr.take().unwrap()).lines();
    let listening = said.next().unwrap().unwrap();
    let (_, port) = listening.split_once("localhost:").unwrap();
    let port = port.split(' ').next().unwrap().parse().unwrap();
    for (ca, option, value) in posts {
        let refused = post(port, &ca.to_path_buf(), &[option, value]).unwrap_err();
        assert!(
            refused.contains("certificate") || refused.contains("name"),
            "{refused}"
        );
    }
    let id = watch.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status();
    assert!(killed.unwrap().success());
    let said: Vec<String> = said.map(Result::unwrap).collect();
    assert!(watch.wait().unwrap().success());
    said.join("\n")
}

#[test]
fn a_peer_that_rejects_our_certificate_or_its_name_is_named_with_the_remedy() {
    let certificates = Certificates::for_names(&["falco.example"]);
    let stranger = Certificates::of_ca("Another");
    for version in ["1.2", "1.3"] {
        let option = ["--tls-max", version];
        let ca = certificates.path("ca.crt");
        let said = said_of(&certificates, &[(&ca, option[0], option[1])]);
        assert_eq!(said.lines().count(), 1, "{said}");
        let name = "see that our certificate has the name in http_output.url";
        assert!(
            said.contains("refused 127.0.0.1:") || said.contains("refused [::1]:"),
            "{said}"
        );
        assert!(
            said.contains(name) || said.contains("which has the name"),
            "{said}"
        );

        let ca = stranger.path("ca.crt");
        let said = said_of(&certificates, &[(&ca, option[0], option[1])]);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("it rejects our certificate (TLS alert: unknown ca)"),
            "{said}"
        );
        assert!(said.contains("http_output.ca_cert"), "{said}");
    }
}
