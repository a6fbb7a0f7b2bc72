use super::super::is_about;
use super::*;

fn recorded(name: &str) -> Vec<Alert> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let bytes = std::fs::read(folder.join(name).with_extension("pb")).unwrap();
    let mut input = protobuf::CodedInputStream::from_bytes(&bytes);
    let mut alerts = Vec::new();
    while !input.eof().unwrap() {
        alerts.push(Alert::from_bytes(input.read_bytes().unwrap()).unwrap());
    }
    alerts
}

#[test]
fn most_of_what_falco_writes_needs_no_other_check() {
    for name in ["dummy_json", "replay_libs-sample", "replay_falco-cat_write"] {
        let alerts = recorded(name);
        let quick = alerts.iter().filter(|alert| is_own(alert, alert.output()));
        let (quick, all) = (quick.count(), alerts.len());
        assert!(all > 20 && quick * 10 > all * 9, "{name}: {quick} of {all}");
    }
}

/// As an attacker would who can write anything into a line.
#[test]
fn what_it_accepts_the_other_check_accepts() {
    const PIECES: [&str; 16] = [
        "", "\"", "\\", "{", "}", "[", "]", ",", "0", "-", " ", "\n", "null", "\\u0041", "é", "1e9",
    ];
    let mut accepted = 0;
    for alert in recorded("replay_libs-sample")
        .iter()
        .chain(&recorded("dummy_json")[..20])
    {
        let line = alert.output();
        let places = line.char_indices().step_by(3);
        for (turn, (at, old)) in places.enumerate() {
            let piece = PIECES[(turn + line.len()) % PIECES.len()];
            let (before, after) = line.split_at(at);
            let replaced = format!("{before}{piece}{}", &after[old.len_utf8()..]);
            let inserted = format!("{before}{piece}{after}");
            for changed in [replaced, inserted] {
                if is_own(alert, &changed) {
                    accepted += 1;
                    assert!(is_about(alert, &changed, false), "{changed}");
                }
            }
        }
    }
    // Within the output, which the message has nowhere else.
    assert!(accepted > 1000, "{accepted}");
}

#[test]
fn of_the_line_of_another_alert_none_is_accepted() {
    let alerts = recorded("dummy_json");
    for two in alerts.windows(2) {
        assert!(!is_own(&two[0], two[1].output()));
    }
}

#[test]
fn numbers_and_lists_are_what_every_reader_takes() {
    let line = |value: &str| {
        format!(
            r#"{{"output_fields":{{"a":{value}}},"priority":"Debug","rule":"r","time":"1970-01-01T00:00:00.000000000Z"}}"#
        )
    };
    let alert = |text: &str| {
        let alert = Alert::builder().without_time().rule("r").field("a", text);
        alert.priority(crate::Priority::Debug).build()
    };
    for (value, text) in [
        ("0", "0"),
        ("18446744073709551615", "18446744073709551615"),
        ("null", "<NA>"),
        ("true", "true"),
        (r#""\u00e9\n\"""#, ""),
        (r#""\n\"""#, "\n\""),
        (r#"["a]","\"",1]"#, "(a],\",1)"),
        ("[]", "()"),
        (r#""""#, ""),
    ] {
        let by_number = value.contains("\\u");
        assert_eq!(is_own(&alert(text), &line(value)), !by_number, "{value}");
        assert!(!is_own(&alert("other"), &line(value)), "{value}");
    }
    for value in [
        "00", "01", "1.5", "-1", "1e3", "nul", "[[]]", "[1,]", "[1", "1 ", "{}", "",
    ] {
        assert!(!is_own(&alert(value), &line(value)), "{value}");
    }
}

#[test]
fn the_first_special_byte_is_found_wherever_it_is() {
    for length in 0..40 {
        let text = vec![b'a'; length];
        assert_eq!(plain_length(&text), length);
        for at in 0..length {
            for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
                let mut text = vec![0xff; length];
                text[at] = special;
                text[length - 1] = if at == length - 1 { special } else { b'"' };
                assert_eq!(plain_length(&text), at);
            }
        }
    }
    assert_eq!(plain_length(b"! #[]\x7f~\x20\x80"), 9);
}
