//! What the options of `get` and `watch` do.

use std::fs;

use falco_client::api::protobuf::descriptor::FileDescriptorSet;
use falco_client::api::protobuf::Message as _;
use falco_client::{Alert, Priority};
use serde_json::Value;

use crate::child::{falco_client, finish, record, recording, Falco};

fn rules(lines: &str) -> Vec<String> {
    let line = |line| {
        serde_json::from_str::<Value>(line).unwrap()["rule"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    lines.lines().map(line).collect()
}

#[test]
fn filters_print_what_matches_and_all_of_it() {
    let path = recording("dummy_text.pb");
    let all = rules(&Falco::replay(&path).get(&[]).quietly());
    let notices = all.iter().filter(|rule| *rule == "Dummy Emergency").count();
    assert!(notices > 0 && notices < all.len());

    let one = rules(
        &Falco::replay(&path)
            .get(&["--rule", "*Emergency"])
            .quietly(),
    );
    assert_eq!(one, vec!["Dummy Emergency"; notices]);
    let none = Falco::replay(&path).get(&["--rule", "*Emergency", "--source", "syscall"]);
    assert_eq!(none.quietly(), "");
    let both = Falco::replay(&path).get(&["--tag", "no such tag", "--min-priority", "debug"]);
    assert_eq!(both.quietly(), "");
}

#[test]
fn min_priority_prints_it_and_above() {
    let alerts = Priority::ALL.map(|priority| Alert::builder().priority(priority).build());
    let (_folder, path) = record(&alerts.each_ref().map(|alert| alert.as_bytes()));
    let printed = Falco::replay(&path)
        .get(&["--min-priority", "error"])
        .quietly();
    assert_eq!(printed.lines().count(), 4);
    for name in ["Emergency", "Alert", "Critical", "Error"] {
        assert!(printed.contains(name), "{name} is not in {printed}");
    }
}

#[test]
fn limit_ends_after_that_number_and_says_what_it_cost() {
    let path = recording("dummy_text.pb");
    let falco = Falco::replay(&path);
    let ended = falco.get(&["--limit", "7"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 7));
    let said: u64 = match ended.stderr.split(' ').nth(1) {
        Some(number) => number.parse().unwrap(),
        None => 0,
    };
    let (taken, left) = falco.stop();
    assert!(
        taken >= 7 + said,
        "{taken} alerts taken, {said} said to be more than the 7"
    );
    assert!(taken + left <= 1200);

    // Where nothing is lost there is nothing to say.
    let falco = Falco::replay(&path);
    assert_eq!(
        falco.get(&["--limit", "1200"]).quietly().lines().count(),
        1200
    );
    assert_eq!(falco.stop(), (1200, 0));
}

#[test]
fn watch_counts_what_it_prints_towards_the_limit() {
    let falco = Falco::replay(&recording("dummy_text.pb"));
    let watch = falco.command("watch", &["--limit", "3", "--rule", "*Emergency"]);
    let ended = finish(watch);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(rules(&ended.stdout), vec!["Dummy Emergency"; 3]);
}

#[test]
fn an_empty_environment_is_none() {
    let falco = Falco::replay(&recording("internal.pb"));
    let names = ["CA", "CERT", "KEY", "SERVER_NAME"].map(|name| format!("FALCO_{name}"));
    let mut get = falco.command("get", &[]);
    get.envs(names.each_ref().map(|name| (name, "")));
    assert_eq!(finish(get).quietly().lines().count(), 4);

    // Where certificates fit, empty ones are missing, not unreadable.
    let mut get = falco_client(&["get"]);
    get.env("FALCO_ENDPOINT", "localhost:5060");
    get.envs(names.each_ref().map(|name| (name, "")));
    finish(get).failed(2, &["localhost:5060: Falco requires mutual TLS"]);

    // Whether or not a Falco runs here, it is the default that is tried.
    let mut version = falco_client(&["version"]);
    version.env("FALCO_ENDPOINT", "");
    assert_ne!(finish(version).code, Some(2));
}

#[test]
fn text_shows_a_hostile_alert_escaped() {
    let hostile = "\x1b]0;owned\x07\n2026-01-01T00:00:00Z Notice forged \u{202e}\u{9b}2J";
    let alert = Alert::builder()
        .rule(hostile)
        .output(hostile)
        .field("f", hostile)
        .build();
    let (_folder, path) = record(&[alert.as_bytes()]);
    let printed = Falco::replay(&path).get(&["--format", "text"]).quietly();
    let line = printed.strip_suffix('\n').unwrap();
    assert!(!line.contains(char::is_control), "{line:?}");
    assert!(line.contains(r"\u{1b}]0;owned\u{7}\n2026") && line.contains(r"\u{202e}\u{9b}2J"));
}

const NEWER: &str = r#"
syntax = "proto3";
package falco.outputs;
import "google/protobuf/timestamp.proto";
message response {
  google.protobuf.Timestamp time = 1;
  enum level { LOW = 0; }
  level priority = 2;
  string rule = 4;
  string output = 5;
  string cluster_name = 10;
}
"#;

#[test]
fn proto_prints_fields_that_only_the_descriptor_knows() {
    let mut message = Alert::builder()
        .without_time()
        .rule("A rule")
        .build()
        .into_bytes();
    message.extend_from_slice(b"\x52\x04west"); // field 10, as a newer Falco may send it
    let (folder, path) = record(&[&message]);
    let text = folder.path().join("outputs.proto");
    fs::write(&text, NEWER).unwrap();
    let mut set = FileDescriptorSet::new();
    set.file = protobuf_parse::Parser::new()
        .pure()
        .include(folder.path())
        .input(&text)
        .file_descriptor_set()
        .unwrap()
        .file;
    let binary = folder.path().join("outputs.bin");
    fs::write(&binary, set.write_to_bytes().unwrap()).unwrap();

    for descriptor in [text, binary] {
        let descriptor = descriptor.to_str().unwrap();
        let printed = Falco::replay(&path).get(&["--proto", descriptor]).quietly();
        let json: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(
            (&json["rule"], &json["clusterName"]),
            (&"A rule".into(), &"west".into())
        );
    }
}

#[test]
fn an_endless_descriptor_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("endless.proto");
    std::os::unix::fs::symlink("/dev/zero", &text).unwrap();
    for path in ["/dev/zero", text.to_str().unwrap()] {
        let ended = Falco::replay(&recording("internal.pb")).get(&["--proto", path]);
        assert_ne!(ended.code, Some(0));
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(path), "{}", ended.stderr);
        assert!(ended.stderr.contains("16 MiB"), "{}", ended.stderr);
    }
}
