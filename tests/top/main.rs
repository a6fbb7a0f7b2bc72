//! `falco-client top` on a terminal. A binary of its own, as it needs the feature `top`.

#![cfg(target_os = "linux")]

#[path = "../cli/child.rs"]
#[allow(dead_code, reason = "the tests of the other commands need the rest")]
mod child;
#[path = "../cli/pty.rs"]
mod pty;

use std::fs;
use std::path::Path;

use child::{falco_client, finish, recording, Falco};
use pty::Terminal;

/// Leaves the alternate screen, and shows the cursor.
const RESTORED: [&str; 2] = ["\x1b[?1049l", "\x1b[?25h"];

fn top(falco: &Falco, keep: &Path) -> Terminal {
    let mut top = falco.command("top", &["--keep"]);
    top.arg(keep).env_remove("NO_COLOR");
    let mut terminal = Terminal::spawn(top, 200, 30);
    terminal.wait_for("\x1b[?1049h");
    terminal
}

/// The alerts of a file of JSON lines, each whole.
fn kept(path: &Path) -> u64 {
    let text = fs::read_to_string(path).unwrap();
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    text.lines().count() as u64
}

#[test]
fn rules_are_counted_and_keys_act() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("alerts.jsonl");
    let falco = Falco::replay(&recording("intrusion.jsonl"));
    let mut terminal = top(&falco, &keep);
    // What has not changed is not written again, spaces for example: so it is single words.
    terminal.wait_for("Stratum");
    terminal.press("g");
    terminal.wait_for("PRIORITY");
    terminal.press("g");
    terminal.wait_for("HOST");
    terminal.press("gg");
    terminal.wait_for("payments");
    terminal.press("g/stratum\r\r");
    terminal.wait_for("running");
    terminal.press("qq");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    for text in RESTORED {
        assert!(shown.contains(text), "{shown:?}");
    }
    let table = &shown[shown.rfind(RESTORED[0]).unwrap()..];
    assert!(table.contains("13 alerts"), "{table}");
    assert!(
        table.contains("1  Notice         Terminal shell in container"),
        "{table}"
    );
    assert_eq!(kept(&keep), 13);
}

#[test]
fn a_signal_under_load_restores_the_terminal_and_loses_nothing() {
    for name in ["TERM", "INT", "HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let keep = folder.path().join("alerts.jsonl");
        let falco = Falco::serve(&recording("dummy_text.pb"), &["--rate", "2000", "--loop"]);
        let mut terminal = top(&falco, &keep);
        terminal.wait_for("Rest");
        terminal.signal(name);
        let (status, shown) = terminal.end();
        assert_eq!(status.code(), Some(0), "{name}: {shown}");
        assert!(shown.contains(RESTORED[0]), "{shown:?}");
        assert_eq!(kept(&keep), falco.stop().0, "{name}");
    }
}

#[test]
fn a_terminal_that_is_closed_ends_it_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("alerts.jsonl");
    let falco = Falco::serve(&recording("dummy_text.pb"), &["--rate", "500", "--loop"]);
    let mut terminal = top(&falco, &keep);
    terminal.wait_for("Rest");
    terminal.hang_up();
    let (status, _) = terminal.end();
    assert_eq!(status.code(), Some(0));
    assert_eq!(kept(&keep), falco.stop().0);
}

#[test]
fn what_was_said_meanwhile_is_said_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_made, path) = child::record(&[b"\x22\x05\xffA"]);
    let falco = Falco::replay(&path);
    let mut terminal = top(&falco, &folder.path().join("alerts.jsonl"));
    // Below the table, and whole at the end.
    terminal.wait_for("protobuf");
    terminal.press("q");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(3), "{shown}");
    let said = &shown[shown.rfind(RESTORED[0]).unwrap()..];
    assert!(
        said.contains("no valid protobuf") && said.contains("2205ff41"),
        "{said}"
    );
}

#[test]
fn without_a_terminal_it_reads_nothing() {
    let falco = Falco::replay(&recording("intrusion.jsonl"));
    finish(falco.command("top", &[])).failed(2, &["top needs a terminal", "--summary"]);
    assert_eq!(falco.stop(), (0, 13));
    finish(falco_client(&["top", "--keep", "/no/such/folder/file"])).failed(2, &["terminal"]);
}
