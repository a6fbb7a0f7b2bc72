//! What a real Falco has sent comes out as that Falco itself has written it.

use std::fs;
use std::path::{Path, PathBuf};

use falco_client::{recording, Alert};
use serde_json::Value;

use crate::child::Falco;

/// Every recording of alerts, with those that have Falco's JSON beside them first.
fn all() -> (Vec<PathBuf>, Vec<PathBuf>) {
    let folder = crate::child::recording("");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let alerts = paths.filter(|path| {
        path.extension().is_some_and(|end| end == "pb") && !path.ends_with("version_unix.pb")
    });
    let (json, text): (Vec<_>, Vec<_>) =
        alerts.partition(|path| path.with_extension("jsonl").exists());
    assert_eq!((json.len(), text.len()), (4, 3), "a recording came or went");
    (json, text)
}

fn alerts(path: &Path) -> Vec<Alert> {
    let messages = recording::read(path).unwrap();
    messages
        .map(|bytes| Alert::from_bytes(bytes.unwrap()).unwrap())
        .collect()
}

fn json(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn falcos_own_lines_come_out_byte_for_byte() {
    for path in all().0 {
        let printed = Falco::replay(&path).get(&["--format", "falco"]).quietly();
        let own = fs::read_to_string(path.with_extension("jsonl")).unwrap();
        assert!(printed == own, "{}", path.display());
    }
}

#[test]
fn alerts_in_text_become_falcos_json() {
    for path in all().1 {
        // Also what is printed without a format, as standard output is no terminal here.
        let printed = json(&Falco::replay(&path).get(&[]).quietly());
        let alerts = alerts(&path);
        assert_eq!(printed.len(), alerts.len(), "{}", path.display());
        for (printed, alert) in printed.iter().zip(&alerts) {
            assert_eq!(printed["rule"], alert.rule());
            assert_eq!(printed["output"], alert.output());
            assert_eq!(printed["priority"], alert.priority().name().unwrap());
            let fields = printed["output_fields"].as_object().unwrap();
            assert!(alert.fields().all(|(name, _)| fields.contains_key(name)));
            // The gRPC message has it as a field of its own.
            assert!(fields.contains_key("evt.time"));
        }
    }
}

#[test]
fn text_that_is_not_utf8_costs_no_alert() {
    let path = crate::child::recording("dummy_badutf8_text.pb");
    for format in ["text", "falco", "go", "proto"] {
        let printed = Falco::replay(&path).get(&["--format", format]).quietly();
        assert_eq!(printed.lines().count(), 120, "{format}");
        assert!(printed.contains('\u{fffd}'), "{format}");
    }
}

#[test]
fn the_go_and_proto_forms_hold_the_same_alerts() {
    let path = crate::child::recording("dummy_text.pb");
    let get = |format| json(&Falco::replay(&path).get(&["--format", format]).quietly());
    let (go, proto, alerts) = (get("go"), get("proto"), alerts(&path));
    assert_eq!((go.len(), proto.len()), (alerts.len(), alerts.len()));
    for (alert, (go, proto)) in alerts.iter().zip(go.iter().zip(&proto)) {
        assert_eq!(go["time"]["seconds"], alert.seconds());
        assert_eq!(go["priority"], alert.priority().number());
        assert_eq!(
            (&go["rule"], &proto["rule"]),
            (&alert.rule().into(), &alert.rule().into())
        );
        for (name, value) in alert.fields() {
            assert_eq!(
                (&go["output_fields"][name], &proto["outputFields"][name]),
                (&value.into(), &value.into())
            );
        }
    }
}

#[test]
fn text_is_one_line_an_alert() {
    for path in all().0 {
        let printed = Falco::replay(&path).get(&["--format", "text"]).quietly();
        let alerts = alerts(&path);
        assert_eq!(printed.lines().count(), alerts.len());
        for (line, alert) in printed.lines().zip(&alerts) {
            assert!(line.contains(&format!(" {}: ", alert.rule())), "{line}");
            assert!(
                !line.contains(['\x1b', '{']) || alert.output().contains('{'),
                "{line}"
            );
        }
    }
}
