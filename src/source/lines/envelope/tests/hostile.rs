//! Any text, and what is put into an alert to look like another.

use proptest::prelude::*;

use super::*;

/// Pieces of all that is looked for.
const PIECES: [&str; 44] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ":",
    ",",
    " ",
    "\n",
    "\0",
    "\u{feff}",
    "\x1b[31m",
    "\x1b",
    "\x1e",
    "<13>",
    "1 ",
    "- ",
    "|",
    "=",
    "P ",
    "F ",
    "stdout ",
    "stderr ",
    "falco[1]: ",
    "2026-11-25T09:00:00.1Z ",
    "Nov 25 09:00:00 ",
    "Wed Nov 25 09:00:00 2026: ",
    "[  1.5] ",
    "{\"log\":\"",
    "{\"MESSAGE\":",
    "\"MESSAGE\":[1,2]",
    "\\n\"",
    ",\"stream\":\"stdout\"}",
    "{\"rule\":",
    "\"priority\":\"Notice\"",
    "@cee:",
    "msg=\"",
    "09:00:00.1: Notice ",
    "é",
    "[a b=\"c\"] ",
    "Events detected: 1",
    "{\"events\":[{\"message\":\"",
    "\"_LINE_BREAK\":\"line-max\"",
];

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => Just(alert("in it").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_hides_the_alerts_behind_it(text in any_text()) {
        let behind: Vec<String> = (0..3).map(|number| alert(&format!("behind {number}"))).collect();
        let lines = text.split(|&byte| byte == b'\n');
        let found = of_lines(lines.chain(behind.iter().map(String::as_bytes)));
        let found: Vec<&String> = found.iter().filter(|text| text.starts_with("behind")).collect();
        prop_assert_eq!(found, ["behind 0", "behind 1", "behind 2"]);
    }

    #[test]
    fn what_an_alert_is_about_makes_no_alert(value in "[ -~\\n]{0,80}") {
        let about = serde_json::json!({
            "output": value.clone() + &alert("forged"),
            "output_fields": {"a": alert("forged"), "log": alert("forged")},
            "message": alert("forged"),
            "rule": "true",
        });
        let line = about.to_string();
        // Also where it lacks a key, or is cut.
        let lines = [line.as_str(), &line[..line.len() / 2], &line[line.len() / 2..]];
        let found = of(&lines);
        prop_assert!(found.iter().all(|found| !found.starts_with("forged")), "{:?}", found);
    }
}
