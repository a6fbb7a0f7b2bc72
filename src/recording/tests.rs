use std::fs;

use super::*;
use crate::alert::Alert;

fn all(read: impl Iterator<Item = Result<Vec<u8>>>) -> (Vec<Vec<u8>>, Option<String>) {
    let (mut messages, mut error) = (Vec::new(), None);
    for item in read {
        assert!(error.is_none(), "nothing comes after an error");
        match item {
            Ok(message) => messages.push(message),
            Err(problem) => error = Some(problem.to_string()),
        }
    }
    (messages, error)
}

fn messages(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<String>) {
    all(read_messages(bytes))
}

#[test]
fn messages_come_one_by_one() {
    assert_eq!(messages(b""), (vec![], None));
    assert_eq!(
        messages(b"\x01a\x00\x02bc"),
        (vec![b"a".to_vec(), vec![], b"bc".to_vec()], None)
    );
    let long = [&[0xac, 0x02][..], &[7; 300]].concat();
    assert_eq!(messages(&long), (vec![vec![7; 300]], None));
}

#[test]
fn a_cut_recording_gives_what_is_whole_and_then_where_it_is_cut() {
    let (whole, error) = messages(b"\x01a\x03bc");
    assert_eq!(whole, [b"a"]);
    let error = error.unwrap();
    assert!(
        error.contains("message 2, at byte 2, is cut in the middle: 2 of 3 bytes"),
        "{error}"
    );

    let (whole, error) = messages(b"\x01a\x83");
    assert_eq!(whole, [b"a"]);
    let error = error.unwrap();
    assert!(
        error.contains("message 2, at byte 2, is cut in the middle: its length"),
        "{error}"
    );
}

#[test]
fn a_length_beyond_reason_is_refused() {
    for length in [
        &b"\x81\x80\x80\x80\x04"[..],
        b"\xff\xff\xff\xff\x0f",
        &[0xff; 20],
    ] {
        let (whole, error) = messages(length);
        assert!(whole.is_empty());
        let error = error.unwrap();
        assert!(
            error.contains("message 1, at byte 0, has a length of"),
            "{error}"
        );
    }
    // Exactly 1 GiB is allowed, and is not set aside before it is seen.
    let error = messages(b"\x80\x80\x80\x80\x04a").1.unwrap();
    assert!(error.contains("1 of 1073741824 bytes"), "{error}");
}

#[test]
fn the_name_tells_the_form() {
    let folder = tempfile::tempdir().unwrap();
    let (pb, json) = (folder.path().join("a.pb"), folder.path().join("a.jsonl"));
    fs::write(&pb, b"\x01a").unwrap();
    assert_eq!(all(read(&pb).unwrap()), (vec![b"a".to_vec()], None));

    let line = r#"{"rule":"Terminal","priority":"Notice","time":"2019-10-03T09:20:49.259268899Z","output":"o","output_fields":{"evt.num":1}}"#;
    fs::write(&json, format!("{line}\n\n{line}")).unwrap();
    let alert = Alert::from_json(line).unwrap().into_bytes();
    assert_eq!(
        all(read(&json).unwrap()),
        (vec![alert.clone(), alert.clone()], None)
    );

    fs::write(&json, format!("\n{line}\n{}", &line[..40])).unwrap();
    let (whole, error) = all(read(&json).unwrap());
    assert_eq!(whole, [alert]);
    let error = error.unwrap();
    assert!(
        error.contains("a.jsonl: line 3 is cut in the middle"),
        "{error}"
    );
}

#[test]
fn lines_that_are_no_alerts_are_named() {
    for line in ["nonsense\n", "[1]\n", "{\"time\":\"never\"}\n"] {
        let error = all(read_lines(line)).1.unwrap();
        assert!(
            error.contains("line 1 is no alert in Falco's JSON"),
            "{error}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin1.jsonl");
    fs::write(&path, b"{\"rule\":\"\xe9\"}\n").unwrap();
    let error = all(read(&path).unwrap()).1.unwrap();
    assert!(
        error.contains("line 1 is no alert in Falco's JSON: invalid utf-8"),
        "{error}"
    );
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing.pb"), folder.path().to_owned()] {
        let error = read(&path).err().unwrap();
        assert!(matches!(&error, Error::Recording { path: named, .. } if *named == path));
        assert!(error.to_string().contains("cannot be opened"), "{error}");
    }
}

#[test]
fn every_recording_of_falco_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    for (name, count) in [
        ("dummy_json", 1200),
        ("dummy_badutf8_text", 120),
        ("replay_libs-sample", 88),
        ("internal", 4),
    ] {
        let (messages, error) = all(read(&folder.join(name).with_extension("pb")).unwrap());
        assert_eq!((messages.len(), error), (count, None), "{name}");
    }
    let (lines, error) = all(read(&folder.join("dummy_json.jsonl")).unwrap());
    assert_eq!((lines.len(), error), (1200, None));
}
