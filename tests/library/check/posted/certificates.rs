//! Whether Falco and the endpoint accept each other's certificates.

use std::fs;
use std::path::{Path, PathBuf};

use falco_client::check::{Check, FalcoYaml, Outcome, Report, Step};
use falco_client::{Config, Tls};

use super::{check, says};
use crate::common::certificates::Certificates;

struct Sides {
    ours: Certificates,
    other: Certificates,
}

impl Sides {
    fn config(&self, mutual: bool) -> Config {
        let [ca, cert, key] = self.ours.server_files();
        let tls = match mutual {
            true => Tls::from_files(ca, cert, key),
            false => Tls::server_from_files(cert, key),
        };
        Config::new("listen+https://127.0.0.1:0").tls(tls)
    }

    /// `CA`, `CRT` and `KEY` are the files of a client of ours, with OTHER before them those of
    /// another CA.
    fn check(&self, mutual: bool, lines: &[&str]) -> Report {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| {
                let mut line = (*line).to_owned();
                for (prefix, certificates) in [("OTHER", &self.other), ("OUR", &self.ours)] {
                    for (name, path) in ["CA", "CRT", "KEY"].iter().zip(certificates.client_files())
                    {
                        line = line.replace(&format!("{prefix}{name}"), path.to_str().unwrap());
                    }
                }
                line
            })
            .collect();
        check(self.config(mutual), &lines)
    }
}

const URL: &str = "url: https://localhost:2801/";

#[test]
fn what_libcurl_will_try_is_tried() {
    use Outcome::{Failed, Ok, Warning};
    let sides = Sides {
        ours: Certificates::new(),
        other: Certificates::of_ca("Other CA"),
    };
    let mtls = ["mtls: true", "client_cert: OURCRT", "client_key: OURKEY"];
    for (mutual, lines, outcome, parts) in [
        (
            false,
            vec![URL, "ca_cert: OURCA"],
            Ok,
            ["a TLS handshake succeeds", "for localhost"],
        ),
        (
            false,
            vec![URL, "ca_bundle: OURCA"],
            Ok,
            ["a TLS handshake succeeds", ""],
        ),
        // The first of the two counts.
        (
            false,
            vec![URL, "ca_bundle: OURCA", "ca_cert: OTHERCA"],
            Failed,
            [
                "is not trusted by http_output.ca_cert",
                "set http_output.ca_cert to the CA",
            ],
        ),
        (
            false,
            vec![URL],
            Failed,
            [
                "is not trusted by http_output.ca_path /etc/ssl/certs",
                "openssl rehash",
            ],
        ),
        (
            false,
            vec![URL, "ca_cert: /nonexistent/ca.crt"],
            Failed,
            ["http_output.ca_cert /nonexistent/ca.crt does not exist", ""],
        ),
        // Falco may run elsewhere, where the file is.
        (
            false,
            vec![
                "url: https://no-such-host.invalid:2801/",
                "ca_cert: /nonexistent/ca.crt",
            ],
            Failed,
            [
                "our certificate is for localhost, not for no-such-host.invalid",
                "DNS:no-such-host.invalid",
            ],
        ),
        (
            false,
            vec![URL, "ca_cert: OURKEY"],
            Failed,
            ["holds no certificate in PEM form", ""],
        ),
        (
            false,
            vec![URL, "ca_cert: /tmp"],
            Failed,
            ["http_output.ca_cert /tmp is a folder", ""],
        ),
        (
            false,
            vec!["url: https://127.0.0.1:2801/", "ca_cert: OURCA"],
            Failed,
            [
                "is for localhost, not for 127.0.0.1",
                "IP:127.0.0.1, or write localhost in",
            ],
        ),
        (
            false,
            vec!["url: https://127.0.0.1:2801/", "insecure: true"],
            Warning,
            ["http_output.insecure is true", "set it to false"],
        ),
        (
            false,
            vec![URL, "ca_cert: \"${CA}\""],
            Warning,
            ["http_output.ca_cert is ${CA}", "environment"],
        ),
        (
            true,
            vec![URL, "ca_cert: OURCA"],
            Failed,
            ["mtls is not true, and the endpoint requires", "set mtls"],
        ),
        (
            true,
            [&[URL, "ca_cert: OURCA"][..], &mtls].concat(),
            Ok,
            ["a mutual TLS handshake succeeds", ""],
        ),
        (
            false,
            [&[URL, "ca_cert: OURCA"][..], &mtls].concat(),
            Warning,
            ["does not verify Falco's certificate", "--ca"],
        ),
        (
            true,
            vec![URL, "ca_cert: OURCA", "mtls: true"],
            Failed,
            ["client_cert /etc/ssl/certs/client.crt does not exist", ""],
        ),
        (
            true,
            vec![
                URL,
                "ca_cert: OURCA",
                "mtls: true",
                "client_cert: OURCRT",
                "client_key: OTHERKEY",
            ],
            Failed,
            ["client_key", "does not belong to client_cert"],
        ),
        (
            true,
            vec![
                URL,
                "ca_cert: OURCA",
                "mtls: true",
                "client_cert: OTHERCRT",
                "client_key: OTHERKEY",
            ],
            Failed,
            [
                "signed by O=Test, CN=Other CA) is not accepted by the CA of the endpoint",
                "",
            ],
        ),
        (
            true,
            vec![
                URL,
                "ca_cert: OURCA",
                "mtls: true",
                "client_cert: OURKEY",
                "client_key: OURKEY",
            ],
            Failed,
            ["http_output.client_cert", "holds no certificate"],
        ),
        (
            true,
            vec![
                URL,
                "ca_cert: OURCA",
                "mtls: true",
                "client_cert: OURCRT",
                "client_key: OURCRT",
            ],
            Failed,
            ["http_output.client_key", "holds no private key"],
        ),
    ] {
        // Port 0 is any.
        says(&sides.check(mutual, &lines), outcome, &parts);
    }
}

/// As OpenSSL names it in a folder of CAs.
fn hash_name(certificate: &openssl::x509::X509) -> String {
    format!("{:08x}.0", certificate.subject_name_hash())
}

#[test]
fn a_folder_of_cas_counts_once_it_is_hashed() {
    let sides = Sides {
        ours: Certificates::new(),
        other: Certificates::new(),
    };
    let folder = tempfile::tempdir().unwrap();
    let ca_path = format!("ca_path: {}", folder.path().display());
    fs::write(folder.path().join("ca.crt"), sides.ours.ca.crt()).unwrap();
    let report = sides.check(false, &[URL, &ca_path]);
    says(
        &report,
        Outcome::Failed,
        &["is not trusted by http_output.ca_path", "rehash"],
    );
    let name = hash_name(&sides.ours.ca.certificate);
    fs::write(folder.path().join(name), sides.ours.ca.crt()).unwrap();
    let report = sides.check(false, &[URL, &ca_path]);
    says(&report, Outcome::Ok, &["a TLS handshake succeeds"]);
}

#[test]
fn dates_and_names_of_the_certificates_count() {
    let mut sides = Sides {
        ours: Certificates::for_names(&["127.0.0.1", "*.example.org"]),
        other: Certificates::new(),
    };
    let by_address = ["url: https://127.0.0.1:2801/", "ca_cert: OURCA"];
    says(
        &sides.check(false, &by_address),
        Outcome::Ok,
        &["for 127.0.0.1"],
    );
    let report = sides.check(false, &[URL, "ca_cert: OURCA"]);
    says(
        &report,
        Outcome::Failed,
        &["is for *.example.org, 127.0.0.1, not for localhost"],
    );

    sides.ours = Certificates::new();
    let write = |path: PathBuf, contents: Vec<u8>| fs::write(path, contents).unwrap();
    let expired = sides.ours.ca.leaf_valid(-10..=-1);
    let at = |name: &str, certificates: &Certificates| certificates.path(name);
    write(at("client.crt", &sides.ours), expired.crt());
    write(at("client.key", &sides.ours), expired.pkcs8());
    let mutual = [
        URL,
        "ca_cert: OURCA",
        "mtls: true",
        "client_cert: OURCRT",
        "client_key: OURKEY",
    ];
    let report = sides.check(true, &mutual);
    says(
        &report,
        Outcome::Failed,
        &[
            "http_output.client_cert",
            "expired on",
            "make Falco a new one",
        ],
    );
    write(at("server.crt", &sides.ours), expired.crt());
    write(at("server.key", &sides.ours), expired.pkcs8());
    let report = sides.check(false, &[URL, "ca_cert: OURCA"]);
    let failed: Vec<_> = report
        .findings()
        .iter()
        .filter(|finding| finding.outcome == Outcome::Failed)
        .collect();
    assert_eq!(failed[0].step, Step::FalcoYaml, "{report}");
    assert_eq!(failed[1].step, Step::Certificates, "{report}");
    assert!(failed
        .iter()
        .all(|finding| finding.found.contains("expired on")));
}

/// A file that this user may not read is not called missing, nor wrong.
#[test]
fn a_key_of_another_user_is_unknown() {
    use std::os::unix::fs::PermissionsExt as _;
    let sides = Sides {
        ours: Certificates::new(),
        other: Certificates::new(),
    };
    let key = sides.ours.path("client.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&key).is_ok() {
        return eprintln!("skipped: root reads every file");
    }
    let lines = [
        URL,
        "ca_cert: OURCA",
        "mtls: true",
        "client_cert: OURCRT",
        "client_key: OURKEY",
    ];
    let report = sides.check(true, &lines);
    says(
        &report,
        Outcome::Warning,
        &["client_key", "cannot be read", "run as a user"],
    );
}

#[test]
fn files_of_a_container_are_not_expected_here() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.yaml");
    let text = "falco:\n  json_output: true\n  config_files: [/nonexistent]\n  http_output:\n    \
                enabled: true\n    url: https://localhost:2801/\n    ca_cert: /nonexistent/ca.crt\n";
    fs::write(&path, text).unwrap();
    let certificates = Certificates::new();
    let [_, cert, key] = certificates.server_files();
    let config = Config::new("listen+https://127.0.0.1:0").tls(Tls::server_from_files(cert, key));
    let report = with_file(config, &path);
    says(
        &report,
        Outcome::Warning,
        &["is not on this machine, and cannot be compared"],
    );
    says(
        &report,
        Outcome::Warning,
        &["the container or pod of Falco alone"],
    );
}

fn with_file(config: Config, path: &Path) -> Report {
    let check = Check::new(config).falco_yaml(FalcoYaml::read(path));
    check.run().unwrap()
}
