//! What a person sees: the text form and the demo on a terminal.

use std::fs;

use serde_json::Value;

use crate::child::{falco_client, recording, Falco};
use crate::pty::Terminal;

const PRIORITIES: [&str; 8] = [
    "Emergency",
    "Alert",
    "Critical",
    "Error",
    "Warning",
    "Notice",
    "Informational",
    "Debug",
];

/// The widest line, in characters: none of the texts has wide ones.
fn width(text: &str) -> usize {
    let lines = text.lines().map(|line| line.chars().count());
    lines.max().unwrap_or_default()
}

#[test]
fn demo_tells_a_story_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = falco_client(&["demo"]);
    demo.env("TMPDIR", folder.path()).env("NO_COLOR", "1");
    let (status, shown) = Terminal::spawn(demo, 80, 50).end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown:?}");
    let (story, rest) = shown.split_once("\nThree of them").unwrap();
    for text in PRIORITIES.iter().chain(&[
        "Terminal shell in container",
        "· shop (nginx:1.27-alpine)",
        "/etc/shadow",
    ]) {
        assert!(story.contains(text), "{text} is not in {story}");
    }
    assert!(
        !story.contains("Sys Other") && !story.contains('{'),
        "{story}"
    );
    assert!(width(story) <= 80, "{story}");

    let (json, next): (Vec<_>, Vec<_>) = rest.lines().partition(|line| line.starts_with('{'));
    assert_eq!(json.len(), 3, "{rest}");
    for line in json {
        let alert: Value = serde_json::from_str(line).unwrap();
        assert!(alert["time"]["seconds"].is_i64(), "{line}");
        assert!(!alert["output"].as_str().unwrap().contains('{'), "{line}");
    }
    let next = next.join("\n");
    assert!(next.contains("Your own Falco"), "{next}");
    assert!(next.contains(" watch") || next.contains(" check"), "{next}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_signal_ends_the_demo_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = falco_client(&["demo"]);
    demo.env("TMPDIR", folder.path());
    let mut terminal = Terminal::spawn(demo, 80, 50);
    terminal.wait_for("Terminal");
    terminal.signal("INT");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(!shown.contains("Three of them"), "{shown}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn text_on_a_terminal_fits_it_and_has_short_times() {
    let falco = Falco::replay(&recording("intrusion.jsonl"));
    let mut get = falco.command("get", &[]);
    get.env("NO_COLOR", "1").env("TZ", "UTC");
    let (status, shown) = Terminal::spawn(get, 100, 30).end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(
        shown.contains(" 09:00:00 Informational") || shown.starts_with("09:00:00 Informational")
    );
    assert!(width(&shown) <= 100, "{shown}");
    assert!(!shown.contains("<NA>"), "{shown}");
}

#[test]
fn text_on_a_terminal_is_coloured_and_has_whole_times_if_asked_for() {
    let falco = Falco::replay(&recording("intrusion.jsonl"));
    let mut get = falco.command("get", &["--utc", "--limit", "1"]);
    get.env_remove("NO_COLOR");
    let (status, shown) = Terminal::spawn(get, 100, 30).end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(shown.contains("2026-11-25T09:00:00.123456789Z"), "{shown}");
    assert!(shown.contains("\x1b[1mPrivileged\x1b[0m"), "{shown:?}");
}
