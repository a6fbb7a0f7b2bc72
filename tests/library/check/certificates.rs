//! The table of certificates: for each row what the check says, and what the client's error says.

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
fn the_table() {
    let ca = Issued::root("Root CA", ec());
    let other = Issued::root("Other CA", ec());
    let namesake = Issued::root("Root CA", ec());
    let own = Issued::root("localhost", ec());
    let between = ca.intermediate();
    let between_old = ca.intermediate_valid(-20..=-1);
    let (server, client) = (ca.leaf(), ca.leaf());
    let good_server = || tls(&ca, &server, &[]);
    let good_client = || tls(&ca, &client, &[]);
    let named = |names: &[&str]| tls(&ca, &ca.leaf_for(names), &[]);

    let row = |name, server, client, broken| Row {
        name,
        server,
        client,
        server_name: None,
        broken,
    };
    let server_row = |name, server, broken| row(name, server, good_client(), broken);
    let client_row = |name, client, broken| row(name, good_server(), client, broken);
    let named_row = |name, server, server_name, broken| Row {
        server_name: Some(server_name),
        ..server_row(name, server, broken)
    };
    let rows = [
        client_row("v1, CN only", good_client(), None),
        client_row(
            "wrong CA",
            tls(&other, &client, &[]),
            Some((
                Step::Tls,
                &["is signed by O=Test, CN=Root CA, not by any certificate in CA certificate"],
            )),
        ),
        client_row(
            "another CA of the same name",
            tls(&namesake, &client, &[]),
            Some((
                Step::Tls,
                &[
                    "not signed by the O=Test, CN=Root CA in",
                    "another of the same name",
                ],
            )),
        ),
        server_row(
            "server signed by itself",
            tls(&ca, &own, &[]),
            Some((
                Step::Tls,
                &["(O=Test, CN=localhost) is signed by itself", "ca.crt"],
            )),
        ),
        server_row(
            "server expired",
            tls(&ca, &ca.leaf_valid(-20..=-1), &[]),
            Some((
                Step::Tls,
                &["the server's certificate", "expired on 20", "new one"],
            )),
        ),
        server_row(
            "server not yet valid",
            tls(&ca, &ca.leaf_valid(1..=20), &[]),
            Some((
                Step::Tls,
                &[
                    "the server's certificate",
                    "is not valid before 20",
                    "clocks",
                ],
            )),
        ),
        server_row(
            "server ends soon",
            tls(&ca, &ca.leaf_valid(-1..=20), &[]),
            None,
        ),
        server_row(
            "names",
            named(&["a.example", "localhost", "127.0.0.1"]),
            None,
        ),
        server_row(
            "wrong names",
            named(&["a.example", "*.b.example"]),
            Some((
                Step::Tls,
                &[
                    "is for a.example, *.b.example, not for localhost",
                    "give server_name a.example",
                ],
            )),
        ),
        named_row("server name", named(&["a.example"]), "a.example", None),
        named_row("wildcard", named(&["*.b.example"]), "a.b.example", None),
        named_row(
            "wildcard for a deeper name",
            named(&["*.b.example"]),
            "a.a.b.example",
            Some((
                Step::Tls,
                &[
                    "is for *.b.example, not for a.a.b.example",
                    "make Falco one",
                ],
            )),
        ),
        named_row("address", named(&["192.0.2.1"]), "192.0.2.1", None),
        named_row(
            "another address",
            named(&["192.0.2.1"]),
            "192.0.2.2",
            Some((Step::Tls, &["is for 192.0.2.1, not for 192.0.2.2"])),
        ),
        named_row(
            "v1, wrong CN",
            good_server(),
            "falco.example",
            Some((
                Step::Tls,
                &[
                    "is for localhost, not for falco.example",
                    "give server_name localhost",
                ],
            )),
        ),
        named_row(
            "address beside a CN that matches",
            named(&["192.0.2.1"]),
            "localhost",
            Some((Step::Tls, &["is for 192.0.2.1, not for localhost"])),
        ),
        client_row(
            "client of another CA",
            tls(&ca, &other.leaf(), &[]),
            Some((
                Step::Tls,
                &[
                    "refused our certificate (O=Test, CN=localhost, signed by O=Test, CN=Other CA)",
                    "grpc.root_certs",
                ],
            )),
        ),
        client_row(
            "client of another CA of the same name",
            tls(&ca, &namesake.leaf(), &[]),
            Some((
                Step::Tls,
                &[
                    "refused our certificate",
                    "grpc.root_certs",
                    "the CA configured here did not sign it",
                ],
            )),
        ),
        client_row(
            "client expired",
            tls(&ca, &ca.leaf_valid(-20..=-1), &[]),
            Some((
                Step::Certificates,
                &["certificate from memory: O=Test, CN=localhost expired on 20"],
            )),
        ),
        client_row(
            "client not yet valid",
            tls(&ca, &ca.leaf_valid(1..=20), &[]),
            Some((Step::Certificates, &["is not valid before 20"])),
        ),
        client_row(
            "CA expired",
            tls(&Issued::root_valid("Root CA", -20..=-1), &client, &[]),
            Some((
                Step::Certificates,
                &["CA certificate from memory: O=Test, CN=Root CA expired on 20"],
            )),
        ),
        server_row(
            "server's chain",
            tls(&ca, &between.leaf(), &[&between]),
            None,
        ),
        server_row(
            "server's chain is not whole",
            tls(&ca, &between.leaf(), &[]),
            Some((
                Step::Tls,
                &[
                    "is signed by O=Test, CN=Intermediate CA, not by any",
                    "whole chain",
                ],
            )),
        ),
        server_row(
            "server's chain expired",
            tls(&ca, &between_old.leaf(), &[&between_old]),
            Some((Step::Tls, &["a certificate between the server's"])),
        ),
        client_row(
            "client's chain",
            tls(&ca, &between.leaf(), &[&between]),
            None,
        ),
        client_row(
            "client's chain is not whole",
            tls(&ca, &between.leaf(), &[]),
            Some((
                Step::Tls,
                &["refused our certificate", "CN=Intermediate CA"],
            )),
        ),
        client_row(
            "client's chain expired",
            tls(&ca, &between_old.leaf(), &[&between_old]),
            Some((Step::Certificates, &["CN=Intermediate CA expired on 20"])),
        ),
        client_row(
            "key of another certificate",
            Tls::from_pem(ca.crt(), client.crt(), server.pkcs8()),
            Some((
                Step::Certificates,
                &["private key from memory: does not match"],
            )),
        ),
        client_row(
            "encrypted key",
            Tls::from_pem(ca.crt(), client.crt(), client.encrypted_pkcs8()),
            Some((
                Step::Certificates,
                &["private key from memory: is encrypted", "decrypt it"],
            )),
        ),
        client_row(
            "no client certificate",
            Tls::from_files("/none/ca.crt", "/none/client.crt", "/none/client.key"),
            Some((Step::Certificates, &["/none/ca.crt: does not exist"])),
        ),
    ];
    for row in rows {
        row.run();
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
