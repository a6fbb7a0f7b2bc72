//! Certificates: what the check says, and what the client's error says.

mod table;

use std::path::Path;

use falco_client::check::{Outcome, Report, Step};
use falco_client::server::Server;
use falco_client::{Client, Config, Error, Tls};

use super::check;
use crate::common::certificates::{ec, Certificates, Issued};

/// All three in memory.
fn tls(ca: &Issued, leaf: &Issued, chain: &[&Issued]) -> Tls {
    let mut cert = leaf.crt();
    for issued in chain {
        cert.extend(issued.crt());
    }
    Tls::from_pem(ca.crt(), cert, leaf.pkcs8())
}

fn serve(tls: Tls) -> Server {
    Server::builder()
        .listen("localhost:0")
        .tls(tls)
        .start()
        .unwrap()
}

/// Where the way is broken, and what is said there.
type Broken<'a> = Option<(Step, &'a [&'a str])>;

struct Row<'a> {
    name: &'a str,
    server: Tls,
    client: Tls,
    server_name: Option<&'a str>,
    broken: Broken<'a>,
}

impl Row<'_> {
    fn run(self) {
        let server = serve(self.server);
        let mut config = Config::new(server.endpoint()).tls(self.client);
        if let Some(name) = self.server_name {
            config = config.server_name(name);
        }
        let report = check(&config);
        println!("== {}\n{report}", self.name);
        let client = Client::new(config).and_then(|client| client.version());
        match (self.broken, client) {
            (None, client) => {
                assert!(report.failed().is_none(), "{}: {report}", self.name);
                assert_eq!(client.unwrap().version, "0.43.1", "{}", self.name);
            }
            (Some(_), Ok(_)) => panic!("{}: the client got through", self.name),
            (Some((step, parts)), Err(error)) => {
                println!("   client: {error}");
                let failed = report
                    .failed()
                    .unwrap_or_else(|| panic!("{}: {report}", self.name));
                assert_eq!(failed.step, step, "{}: {report}", self.name);
                assert_eq!(report.findings().last(), Some(failed), "{}", self.name);
                assert!(failed.remedy.is_some(), "{}: {failed}", self.name);
                let (failed, error) = (failed.to_string(), error.to_string());
                for part in parts {
                    assert!(
                        failed.contains(part),
                        "{}: {part:?} is not in: {failed}",
                        self.name
                    );
                }
                assert!(
                    error.ends_with(&failed),
                    "{}: {failed} / {error}",
                    self.name
                );
            }
        }
    }
}

#[test]
fn each_kind_of_key_passes() {
    for certificates in [
        Certificates::new(),
        Certificates::rsa(),
        Certificates::ed25519(),
    ] {
        let side = |leaf| tls(&certificates.ca, leaf, &[]);
        Row {
            name: "kind of key",
            server: side(&certificates.server),
            client: side(&certificates.client),
            server_name: None,
            broken: None,
        }
        .run();
    }
}

fn files(certificates: &Certificates) -> Tls {
    let [ca, cert, key] = certificates.client_files();
    Tls::from_files(ca, cert, key)
}

fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn warnings(report: &Report) -> Vec<String> {
    let findings = report.findings().iter();
    findings
        .filter(|finding| finding.outcome == Outcome::Warning)
        .map(|finding| format!("{}: {finding}", finding.step))
        .collect()
}

#[test]
fn a_key_that_others_may_read_is_a_warning() {
    let certificates = Certificates::new();
    let [ca, cert, key] = certificates.server_files();
    let server = serve(Tls::from_files(ca, cert, key));
    let config = Config::new(server.endpoint()).tls(files(&certificates));
    let key = certificates.path("client.key");
    for (bits, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        mode(&key, bits);
        let report = check(&config);
        assert!(report.failed().is_none(), "{report}");
        let warnings = warnings(&report);
        let expected = format!(
            "certificates: private key {0}: its mode {bits:04o} lets others than its owner read it; \
             chmod 600 {0}",
            key.display()
        );
        assert_eq!(
            warnings,
            warned.then_some(expected).into_iter().collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_ends_soon_is_a_warning() {
    let ca = Issued::root_valid("Root CA", -1..=20);
    let (server, client) = (ca.leaf_valid(-1..=10), ca.leaf_valid(-1..=15));
    let serving = serve(tls(&ca, &server, &[]));
    let report = check(&Config::new(serving.endpoint()).tls(tls(&ca, &client, &[])));
    assert!(report.failed().is_none(), "{report}");
    let warnings = warnings(&report);
    let starts = [
        "certificates: certificate from memory: O=Test, CN=localhost ends on 20",
        "certificates: CA certificate from memory: O=Test, CN=Root CA ends on 20",
        "tls: the server's certificate ends on 20",
    ];
    assert_eq!(warnings.len(), starts.len(), "{report}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

#[test]
fn no_finding_holds_key_material() {
    let certificates = Certificates::new();
    let key = String::from_utf8(certificates.client.pkcs8()).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let [ca, cert, key_path] = certificates.client_files();
    for tls in [
        Tls::from_files(&ca, &cert, &key_path),
        Tls::from_files(&ca, &key_path, &key_path),
        Tls::from_files(&key_path, &cert, &key_path),
        Tls::from_pem(
            certificates.ca.crt(),
            certificates.server.crt(),
            key.clone(),
        ),
    ] {
        let server = serve(files(&certificates));
        let config = Config::new(server.endpoint()).tls(tls);
        let report = check(&config);
        let json = serde_json::to_string(&report).unwrap();
        for shown in [report.to_string(), format!("{report:?}"), json] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn an_error_of_wait_connected_says_the_same() {
    let (ca, other) = (
        Issued::root("Root CA", ec()),
        Issued::root("Other CA", ec()),
    );
    let server = serve(tls(&ca, &ca.leaf(), &[]));
    let config = Config::new(server.endpoint()).tls(tls(&ca, &other.leaf(), &[]));
    let client = Client::new(config.clone()).unwrap();
    let timeout = std::time::Duration::from_secs(5);
    let error = client.wait_connected(timeout).unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    let said = error.to_string();
    assert!(
        said.contains("the server refused our certificate (O=Test, CN=localhost"),
        "{said}"
    );
}
