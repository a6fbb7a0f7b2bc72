//! `version`, `demo`, `serve` over mutual TLS, completions, manual pages and help.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::child::{falco_client, finish, recording, run, Falco};
use crate::common::certificates::Certificates;

#[test]
fn version_for_people_and_machines() {
    let falco = Falco::replay(&recording("internal.pb"));
    let text = finish(falco.command("version", &[])).quietly();
    assert_eq!(text, "Falco 0.43.1, engine 0.58.0\n");
    let json = finish(falco.command("version", &["--json"])).quietly();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["version"], "0.43.1");
    assert_eq!(json["minor"], 43);
}

#[test]
fn serve_plays_the_version_that_is_set() {
    for (falco, text) in [
        ("0.22.1", "Falco 0.22.1\n"),
        ("0.33.0", "Falco 0.33.0, engine 15\n"),
        ("0.40.0", "Falco 0.40.0, engine 0.46.0\n"),
    ] {
        let falco = Falco::serve(&recording("internal.pb"), &["--falco", falco]);
        assert_eq!(finish(falco.command("version", &[])).quietly(), text);
    }
}

#[test]
fn demo_shows_the_recording_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = falco_client(&["demo"]);
    demo.env("TMPDIR", folder.path());
    let ended = finish(demo);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 131);
    for line in ended.stdout.lines() {
        let alert: Value = serde_json::from_str(line).unwrap();
        assert!(
            alert["time"]["seconds"].is_i64() && alert["priority"].is_i64(),
            "{line}"
        );
    }
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("131 alerts"), "{}", ended.stderr);
    let next = concat!(
        env!("CARGO_BIN_EXE_falco-client"),
        " watch --endpoint unix:///run/falco/falco.sock\n"
    );
    assert!(ended.stderr.ends_with(next), "{}", ended.stderr);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "the demo left something behind"
    );
}

fn options([ca, cert, key]: &[PathBuf; 3]) -> Vec<&str> {
    let [ca, cert, key] = [ca, cert, key].map(|path| path.to_str().unwrap());
    vec!["--ca", ca, "--cert", cert, "--key", key]
}

#[test]
fn mutual_tls_by_options_and_by_environment() {
    let certificates = Certificates::new();
    let (theirs, ours) = (certificates.server_files(), certificates.client_files());
    let folder = tempfile::tempdir().unwrap();
    let alerts = recording("internal.pb");
    let falco = Falco::listen("localhost:0", &alerts, &options(&theirs), folder);
    assert!(!falco.endpoint.ends_with(":0"));

    assert_eq!(falco.get(&options(&ours)).quietly().lines().count(), 4);
    let mut version = falco_client(&["version"]);
    version.env("FALCO_ENDPOINT", &falco.endpoint);
    for (name, file) in ["FALCO_CA", "FALCO_CERT", "FALCO_KEY"].iter().zip(&ours) {
        version.env(name, file);
    }
    assert!(finish(version).quietly().starts_with("Falco 0.43.1"));
    let other = [options(&ours), vec!["--server-name", "other.example"]].concat();
    falco.get(&other).failed(1, &[&falco.endpoint]);
    falco.get(&["--plaintext"]).failed(1, &[&falco.endpoint]);
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).quietly();
        assert!(script.contains("min-priority"), "{shell}");
    }
    assert!(run(&["man"]).quietly().starts_with(".ie"));
    let folder = tempfile::tempdir().unwrap();
    run(&["man", folder.path().to_str().unwrap()]).quietly();
    for page in [
        "falco-client.1",
        "falco-client-watch.1",
        "falco-client-serve.1",
    ] {
        let text = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".TH falco"), "{page}");
    }
    let watch = fs::read_to_string(folder.path().join("falco-client-watch.1")).unwrap();
    assert!(watch.contains(LONG), "{watch}");
    run(&["man", "/no/such/folder"]).failed(1, &["/no/such/folder"]);
}

/// A part of what is explained at length.
const LONG: &str = "once, to one reader";

#[test]
fn help_is_short_and_the_command_help_is_long() {
    let short = run(&["watch", "-h"]).quietly();
    assert_eq!(run(&["watch", "--help"]).quietly(), short);
    assert!(!short.contains(LONG), "{short}");
    let long = run(&["help", "watch"]).quietly();
    assert!(long.contains(LONG), "{long}");
}

#[test]
fn help_names_the_exit_codes_and_options() {
    let help = run(&["--help"]).quietly();
    assert!(
        help.contains("Exit codes:") && help.contains("Examples:"),
        "{help}"
    );
    let help = run(&["serve", "--help"]).quietly();
    assert!(help.contains("needs --rate"), "{help}");
    let help = run(&["watch", "--help"]).quietly();
    for option in ["--format", "--limit", "unix:///run/falco/falco.sock"] {
        assert!(help.contains(option), "{option} is not in {help}");
    }
}
