//! Endpoints that Falco sends to or writes, and the settings that they need.

use std::fs;
use std::net::TcpListener;

use falco_client::check::{Check, FalcoYaml, Report, Step};
use falco_client::{Config, Tls};

use super::check;
use crate::common::certificates::Certificates;

fn with_settings(endpoint: &str, settings: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("falco.yaml");
    fs::write(&path, settings).unwrap();
    let check = Check::new(Config::new(endpoint)).falco_yaml(FalcoYaml::read(&path));
    check.run().unwrap()
}

#[track_caller]
fn fails(report: &Report, step: Step, parts: &[&str]) {
    let broken = report.failed().unwrap_or_else(|| panic!("{report}"));
    assert_eq!(broken.step, step, "{report}");
    for part in parts {
        assert!(broken.to_string().contains(part), "{part:?}: {broken}");
    }
}

#[test]
fn an_address_is_probed_and_left_free() {
    let report = check(&Config::new("listen+http://127.0.0.1:0"));
    assert!(report.failed().is_none(), "{report}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("listen+http://{}", taken.local_addr().unwrap());
    fails(
        &check(&Config::new(&endpoint)),
        Step::Tcp,
        &["in use", "listen elsewhere"],
    );
    drop(taken);
    assert!(check(&Config::new(&endpoint)).failed().is_none());
    assert!(
        check(&Config::new(&endpoint)).failed().is_none(),
        "the check keeps it"
    );
}

#[test]
fn certificates_to_listen_with_are_read() {
    let certificates = Certificates::new();
    let [_, cert, key] = certificates.server_files();
    let listen = || Config::new("listen+https://127.0.0.1:0");
    let good = listen().tls(Tls::server_from_files(&cert, &key));
    assert!(check(&good).failed().is_none());
    let swapped = listen().tls(Tls::server_from_files(&key, &cert));
    fails(
        &check(&swapped),
        Step::Certificates,
        &["server.crt", "right file"],
    );
    fails(&check(&listen()), Step::Config, &["needs a certificate"]);
    let plain = Config::new("listen+http://127.0.0.1:0").tls(Tls::server_from_files(&cert, &key));
    fails(&check(&plain), Step::Config, &["write listen+https"]);
}

#[test]
fn a_file_is_there_or_comes_later_or_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("file://{}", folder.path().join("falco.log").display());
    let missing = check(&Config::new(&endpoint));
    assert!(missing.failed().is_none(), "{missing}");
    assert!(
        missing.to_string().contains("does not exist yet"),
        "{missing}"
    );
    fs::write(folder.path().join("falco.log"), "12").unwrap();
    assert!(check(&Config::new(&endpoint))
        .to_string()
        .contains("2 bytes"));
    let directory = format!("file://{}", folder.path().display());
    fails(
        &check(&Config::new(directory)),
        Step::Outputs,
        &["not a file"],
    );
}

#[test]
fn each_setting_that_keeps_alerts_back_is_named() {
    let good = "json_output: true\nhttp_output:\n  enabled: true\n  url: http://host:2801/x\n";
    let listen = "listen+http://127.0.0.1:2801";
    let report = with_settings("listen+http://127.0.0.1:0", good);
    assert!(report.failed().is_none(), "{report}");
    for (endpoint, settings, parts) in [
        (
            listen,
            good.replace("json_output: true", "json_output: false"),
            "json_output is not true",
        ),
        (
            listen,
            good.replace("enabled: true", "enabled: false"),
            "http_output.enabled is false",
        ),
        (listen, good.replace("2801", "80"), "lead to the same"),
        (listen, good.replace("http:", "https:"), "lead to the same"),
        (
            "file:///var/log/falco.log",
            "json_output: true\nfile_output:\n  enabled: true\n  filename: ./events.txt\n".into(),
            "file_output.filename is \"./events.txt\"",
        ),
        (
            "-",
            "json_output: true\nstdout_output:\n  enabled: false\n".into(),
            "stdout_output.enabled is false",
        ),
    ] {
        fails(
            &with_settings(endpoint, &settings),
            Step::FalcoYaml,
            &[parts],
        );
    }
}
