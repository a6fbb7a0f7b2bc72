use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::alert::{Alert, Format};
use crate::json::line_message;

const LINE: &str = r#"{"rule":"R \u001b",  "priority":"Notice","time":"2026-11-25T17:00:00.5Z","output":"o","output_fields":{"a":1}}"#;

fn json(bytes: &[u8]) -> GivenUp<'_> {
    GivenUp {
        sink: Some("http://sink/"),
        identity: None,
        source: "listen+http://0.0.0.0:2801",
        reason: "400 Bad Request (no)",
        format: Format::JsonLine,
        bytes,
        labelled: false,
    }
}

fn read(file: &DeadLetterFile) -> Vec<DeadLetter> {
    file.read()
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn what_is_put_in_is_read_again_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let letters = DeadLetters::new(Some(folder.path()));
    let posted = line_message(LINE.as_bytes()).unwrap();
    let received = Alert::builder().rule("r").field("a", "b").build();
    let damaged = b"\xff\xff no message";
    letters.put(&json(&posted)).unwrap();
    let grpc = |bytes| GivenUp {
        format: Format::Grpc,
        sink: None,
        labelled: true,
        ..json(bytes)
    };
    letters.put(&grpc(received.as_bytes())).unwrap();
    letters.put(&grpc(damaged)).unwrap();
    let file = DeadLetterFile::in_folder(folder.path());
    let mode = fs::metadata(file.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let [first, second, third] = &read(&file)[..] else {
        panic!("{:?}", file.read());
    };
    assert_eq!(first.bytes, posted);
    assert_eq!(first.alert().unwrap().raw_json(), Some(LINE.as_bytes()));
    assert!(first.raw_json().contains(LINE), "{}", first.raw_json());
    assert!(!first.raw_json().contains("bytes"), "{}", first.raw_json());
    assert_eq!(first.sink.as_deref(), Some("http://sink/"));
    assert_eq!(first.reason, "400 Bad Request (no)");
    assert_eq!(first.source, "listen+http://0.0.0.0:2801");
    assert!(!first.labelled && second.labelled);
    assert_eq!(
        (second.bytes.as_slice(), &second.sink),
        (received.as_bytes(), &None)
    );
    assert!(second.raw_json().contains(r#""rule":"r""#));
    assert_eq!(third.bytes, damaged);
    assert!(third.alert().is_err());
    let usage = letters.usage();
    assert_eq!((usage.in_file, usage.total, usage.logged), (3, 3, 0));
}

#[test]
fn a_torn_line_spoils_no_other_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let letters = DeadLetters::new(Some(folder.path()));
    let posted = line_message(LINE.as_bytes()).unwrap();
    letters.put(&json(&posted)).unwrap();
    let file = DeadLetterFile::in_folder(folder.path());
    let torn = || OpenOptions::new().append(true).open(file.path()).unwrap();
    torn().write_all(b"{\"time\":\"20").unwrap();
    letters.put(&json(&posted)).unwrap();
    let all = file.read().unwrap();
    let good: Vec<_> = all
        .iter()
        .filter_map(|letter| letter.as_ref().ok())
        .collect();
    assert_eq!((all.len(), good.len()), (3, 2));
    let error = all[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("line 2 is no dead letter"), "{error}");
    file.remove(good).unwrap();
    assert_eq!(fs::read_to_string(file.path()).unwrap(), "{\"time\":\"20\n");
}

#[test]
fn only_those_that_are_named_are_removed_while_others_come() {
    let folder = tempfile::tempdir().unwrap();
    let letters = DeadLetters::new(Some(folder.path()));
    let posted = line_message(LINE.as_bytes()).unwrap();
    let file = DeadLetterFile::in_folder(folder.path());
    assert!(file.read().unwrap().is_empty());
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..200 {
                letters.put(&json(&posted)).unwrap();
            }
        });
        let mut removed = 0;
        while removed < 200 {
            let found = read(&file);
            file.remove(&found).unwrap();
            removed += found.len();
        }
        assert_eq!(removed, 200);
    });
    assert!(file.read().unwrap().is_empty());
    assert_eq!((letters.usage().in_file, letters.usage().total), (0, 200));
}

#[test]
fn a_full_file_takes_no_more_and_one_that_cannot_be_written_gives_the_alert_back() {
    let folder = tempfile::tempdir().unwrap();
    let posted = line_message(LINE.as_bytes()).unwrap();
    let line = json(&posted).line().len() as u64;
    let file = DeadLetterFile::in_folder(folder.path()).with_limit(line + line / 2);
    let letters = DeadLetters {
        file: Some(file.clone()),
        ..DeadLetters::new(None)
    };
    for _ in 0..3 {
        letters.put(&json(&posted)).unwrap();
    }
    let usage = letters.usage();
    assert_eq!((usage.in_file, usage.total, usage.logged), (1, 3, 2));
    assert!(usage.full);
    fs::remove_file(file.path()).unwrap();
    letters.put(&json(&posted)).unwrap();
    assert!(!letters.usage().full);

    fs::remove_file(file.path()).unwrap();
    fs::create_dir(file.path()).unwrap();
    let error = letters.put(&json(&posted)).unwrap_err();
    assert!(error.contains("cannot be written"), "{error}");
    assert_eq!(letters.usage().total, 4);
}
