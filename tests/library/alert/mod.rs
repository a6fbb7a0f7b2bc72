//! Alerts against rust-protobuf's parser, on recorded, generated and broken messages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use falco_client::api::outputs::Response;
use falco_client::{Alert, Error, Priority};

use crate::invariants;

mod memory;
mod properties;

const RECORDINGS: [&str; 7] = [
    "dummy_badutf8_text",
    "dummy_json",
    "dummy_text",
    "internal",
    "replay_falco-cat_write",
    "replay_libs-sample",
    "replay_text_falco-cat_write",
];

fn recorded(name: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/tests/recordings/{name}.pb", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read(path).unwrap();
    let mut input = protobuf::CodedInputStream::from_bytes(&file);
    let mut messages = Vec::new();
    while !input.eof().unwrap() {
        messages.push(input.read_bytes().unwrap());
    }
    messages
}

#[test]
fn recorded_messages_read_as_their_generated_ones() {
    for name in RECORDINGS {
        for message in recorded(name) {
            invariants::any_bytes(&message);
        }
    }
}

#[test]
fn bad_utf8_costs_no_alert() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/recordings/dummy_badutf8_text.txt"
    );
    let text = std::fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&text);
    let messages = recorded("dummy_badutf8_text");
    let alerts: Vec<_> = messages
        .into_iter()
        .map(|message| Alert::from_bytes(message).unwrap())
        .collect();
    assert_eq!(alerts.len(), 120);
    assert_eq!(alerts.iter().filter(|alert| alert.is_lossy()).count(), 65);
    // What Falco wrote to its file, repaired in the same way, is what the alerts show.
    let shown: String = alerts
        .iter()
        .map(|alert| format!("{}\n", alert.output()))
        .collect();
    assert_eq!(shown, text);
}

#[test]
fn broken_messages_are_refused_as_rust_protobuf_does() {
    for name in [
        "dummy_text",
        "replay_text_falco-cat_write",
        "dummy_badutf8_text",
    ] {
        let message = recorded(name).swap_remove(1);
        for length in 0..message.len() {
            invariants::any_bytes(&message[..length]);
        }
        let mut changed = message.clone();
        for place in 0..message.len() {
            for byte in 0..=u8::MAX {
                changed[place] = byte;
                invariants::agrees(&changed);
            }
            changed[place] = message[place];
        }
    }
}

#[test]
fn odd_encodings_read_as_rust_protobuf_reads_them() {
    let nested = |depth: usize| [vec![0x5b; depth], vec![0x5c; depth]].concat();
    let within = |tag: u8, inner: Vec<u8>| {
        let mut message = vec![tag];
        let mut output = protobuf::CodedOutputStream::vec(&mut message);
        output.write_bytes_no_tag(&inner).unwrap();
        drop(output);
        message
    };
    let mut messages: Vec<Vec<u8>> = vec![
        vec![],
        vec![0x00],                               // field 0
        vec![0x02, 0x00],                         // field 0 with a length
        vec![0x0c],                               // a group's end alone
        vec![0x0f],                               // no such wire type
        vec![0x5b],                               // a group that stays open
        vec![0x32, 0x01, 0x5b],                   // the same in an entry
        vec![0x0a, 0x01, 0x5b],                   // and in a time
        vec![0x5b, 0x5b, 0x5c],                   // one of two
        vec![0x90, 0x80, 0x80, 0x80, 0x00, 0x03], // an overlong tag
        vec![0x90, 0x80, 0x80, 0x80, 0x10, 0x03], // a tag of 33 bits
        vec![0x22, 0x81, 0x80, 0x00, b'x'],       // an overlong length
        vec![
            0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        ], // -1
        vec![
            0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
        ], // too long
        vec![0x10, 0x80, 0x80, 0x80, 0x80, 0x08], // 2^31, no int32
        vec![0x12, 0x01, b'x'],                   // a priority as text
        vec![0x20, 0x01],                         // a rule as number
        vec![0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4], // as fixed ones
        vec![0x0a, 0x02, 0x08, 0x05, 0x0a, 0x02, 0x10, 0x07], // two times
        vec![0x0a, 0x7f, 0x08, 0x05],             // a time beyond the end
        vec![0x32, 0x7f, 0x0a, 0x01, b'k'],       // an entry beyond it
        vec![0x32, 0x00, 0x32, 0x02, 0x0a, 0x00], // the empty key, twice
        vec![0x22, 0x01, 0xff, 0x22, 0x01, b'x'], // bad UTF-8 replaced
        b"\x32\x06\x0a\x01k\x12\x01a\x32\x06\x0a\x01l\x12\x01b\x32\x06\x0a\x01k\x12\x01c".to_vec(),
        b"\x32\x06\x0a\x01\xff\x12\x01a\x32\x06\x0a\x01\xfe\x12\x01b".to_vec(),
    ];
    for depth in [99, 100, 101, 102] {
        messages.push(nested(depth));
        messages.push(within(0x0a, nested(depth)));
        messages.push(within(0x32, nested(depth)));
    }
    for message in messages {
        invariants::any_bytes(&message);
    }
}

#[test]
fn the_last_value_wins() {
    let bytes = b"\x32\x06\x0a\x01k\x12\x01a\x32\x06\x0a\x01l\x12\x01b\x32\x06\x0a\x01k\x12\x01c";
    let alert = Alert::from_bytes(*bytes).unwrap();
    assert_eq!(alert.fields().collect::<Vec<_>>(), [("k", "c"), ("l", "b")]);
    let alert = Alert::from_bytes(*b"\x22\x01a\x10\x01\x22\x01b\x10\x04").unwrap();
    assert_eq!((alert.rule(), alert.priority()), ("b", Priority::Warning));
}

#[test]
fn many_hostile_fields_are_read() {
    let field = |key: &str| {
        Alert::builder()
            .without_time()
            .field(key, "v")
            .build()
            .into_bytes()
    };
    let message: Vec<u8> = (0..100_000)
        .flat_map(|key| field(&format!("{key:05}")))
        .collect();
    let alert = Alert::from_bytes([message.clone(), message].concat()).unwrap();
    assert_eq!(alert.fields().len(), 100_000);
    assert_eq!(alert.field("99999"), Some("v"));
    // Groups within groups, as deep as a large message allows.
    assert!(Alert::from_bytes(vec![0x5b; 10_000_000]).is_err());
}

#[test]
fn long_names_are_told_apart() {
    let long = |end: &str| format!("{}{end}", "k".repeat(300));
    let alert = Alert::builder()
        .field(long("a"), "1")
        .field(long("b"), "2")
        .field(long("a"), "3");
    let alert = alert.build();
    assert_eq!(alert.fields().len(), 2);
    assert_eq!(alert.field(&long("a")), Some("3"));
    assert_eq!(alert.field(&long("b")), Some("2"));
}

#[test]
fn a_message_beyond_the_limit_is_refused() {
    let error = Alert::from_bytes(vec![0; 1 << 30]).unwrap_err().to_string();
    assert!(error.contains("1 GiB"), "{error}");
}

#[test]
fn what_is_no_message_comes_back() {
    let error = Alert::from_bytes(*b"\x22\x05abc").unwrap_err();
    assert!(error.to_string().contains("cut off at byte 2"), "{error}");
    match error {
        Error::Undecodable { bytes, .. } => assert_eq!(&*bytes, b"\x22\x05abc"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_number_of_more_than_32_bits_is_named() {
    let large = [0x80, 0x80, 0x80, 0x80, 0x08];
    for (before, says) in [
        (
            &[0x10][..],
            "an enum's number has more than 32 bits at byte 6",
        ),
        (&[0x18], "an enum's number has more than 32 bits at byte 6"),
        (
            &[0x0a, 6, 0x10],
            "the nanos of a time have more than 32 bits at byte 8",
        ),
    ] {
        let error = Alert::from_bytes([before, &large].concat()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn the_deprecated_source_names_what_an_old_falco_sends() {
    for (number, name) in [
        (0, "syscall"),
        (1, "k8s_audit"),
        (2, "internal"),
        (3, "plugin"),
        (4, ""),
    ] {
        let alert = Alert::from_bytes([0x18, number]).unwrap();
        assert_eq!(
            (alert.source(), alert.source_number()),
            (name, number.into())
        );
    }
    for (name, number) in [
        ("syscall", 0),
        ("k8s_audit", 1),
        ("internal", 2),
        ("okta", 3),
        ("plugin", 3),
    ] {
        let alert = Alert::builder().source(name).build();
        assert_eq!((alert.source(), alert.source_number()), (name, number));
    }
}

#[test]
fn a_built_alert_has_the_time_of_its_making_unless_told_otherwise() {
    let before = SystemTime::now();
    let builder = Alert::builder().rule("r");
    let made = builder.build().time();
    // The clock of a test's machine may be set back, but not by a day.
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(
        before - day < made && made < SystemTime::now() + day,
        "{made:?}"
    );
    let without = builder.without_time().build();
    assert_eq!(
        (without.time(), without.as_bytes()),
        (UNIX_EPOCH, &b"\x22\x01r"[..])
    );
    let set = Alert::builder().without_time().time(before).build();
    assert_eq!(set.time(), before);
}

#[test]
fn a_built_alert_has_what_it_was_given() {
    let time = UNIX_EPOCH - Duration::from_nanos(1);
    let alert = Alert::builder()
        .time(time)
        .priority(Priority::Unknown(-9))
        .rule("rule")
        .output("text\n")
        .field("a", "1")
        .field("b", "")
        .field("a", "2")
        .hostname("host")
        .tag("x")
        .tag("")
        .source("dummy")
        .build();
    assert_eq!(alert.time(), time);
    assert_eq!((alert.seconds(), alert.nanos()), (-1, 999_999_999));
    assert_eq!(alert.priority(), Priority::Unknown(-9));
    assert_eq!(alert.fields().collect::<Vec<_>>(), [("a", "2"), ("b", "")]);
    assert_eq!(alert.tags().collect::<Vec<_>>(), ["x", ""]);
    invariants::any_bytes(alert.as_bytes());
    let bytes = alert.clone().into_bytes();
    assert_eq!(Alert::from_bytes(bytes).unwrap(), alert);
}

#[test]
fn contradicting_unknown_fields_do_not_cost_the_known_ones() {
    let mut message = Response::new();
    message.rule = "rule".to_owned();
    message
        .special_fields
        .mut_unknown_fields()
        .add_length_delimited(1, vec![0x0c]);
    assert_eq!(Alert::from(message).rule(), "rule");
}
