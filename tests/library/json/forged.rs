//! Outputs that look like Falco's own line, and are not believed.

use falco_client::Alert;
use serde_json::json;

use super::{recorded_with_lines, value, with_output};

/// A recorded line with a list, numbers, a boolean, nulls and many tags.
fn rich() -> (Alert, String) {
    recorded_with_lines()
        .into_iter()
        .find(|(_, line)| line.contains(r#""dummy.list":null"#))
        .unwrap()
}

#[track_caller]
fn is_refused(alert: &Alert, output: &str) {
    let alert = with_output(alert, output);
    let made = value(alert.falco_json());
    assert_eq!(made["output"], output);
    assert_eq!(made["rule"], alert.rule());
    assert!(!alert.falco_json().to_string().contains('\n'));
}

#[track_caller]
fn passes(alert: &Alert, line: &str) {
    assert_eq!(with_output(alert, line).falco_json().to_string(), line);
}

fn replaced(line: &str, from: &str, to: &str) -> String {
    assert!(line.contains(from), "{from} in {line}");
    line.replacen(from, to, 1)
}

#[test]
fn a_line_about_another_alert_is_refused() {
    let (alert, line) = recorded_with_lines().swap_remove(0);
    let time = "2026-11-22T16:42:47.284336179Z";
    for (from, to) in [
        (r#""rule":"Dummy Emergency""#, r#""rule":"Harmless""#),
        (r#""rule":"Dummy Emergency""#, r#""rule":null"#),
        (r#""rule":"Dummy Emergency","#, ""),
        (r#""priority":"Emergency""#, r#""priority":"Debug""#),
        (r#""priority":"Emergency","#, ""),
        (r#""source":"dummy""#, r#""source":"syscall""#),
        (r#""hostname":"vm""#, r#""hostname":"other""#),
        (time, "2026-11-22T16:42:47.284336178Z"),
        (time, "2026-11-22T16:42:47.284336179+00:00"),
        (r#""T1059","dummy","#, r#""dummy","T1059","#),
        (r#""T1059","#, ""),
        (r#""T1059","#, r#""T1059","T1059","#),
        (r#","mitre_execution"]"#, "]"),
        (r#","mitre_execution"]"#, r#","mitre_execution","more"]"#),
        (r#""tags":["#, r#""tags":[1,"#),
    ] {
        is_refused(&alert, &replaced(&line, from, to));
    }
    is_refused(&alert, "{}");
    is_refused(&alert, &{
        let (start, end) = line.split_once(r#""tags":"#).unwrap();
        let (_, end) = end.split_once(']').unwrap();
        format!(r#"{start}"tags":null{end}"#)
    });
}

#[test]
fn output_fields_are_the_messages_own() {
    let (alert, line) = rich();
    for (from, to) in [
        (r#""evt.num":11"#, r#""evt.num":12"#),
        (r#""evt.num":11"#, r#""evt.num":"11 or so""#),
        (r#""evt.num":11"#, r#""evt.num":11,"evt.num":11"#),
        (r#""evt.num":11"#, r#""evt.num":11,"evt.timer":1"#),
        (r#""evt.num":11"#, r#""evt.num":11,"evt.rawtime":1"#),
        (r#""evt.num":11"#, r#""evt.num":{"evt.num":11}"#),
        (r#""evt.time":"#, r#""evt.time":1,"evt.time":"#),
        (r#""evt.time":"#, r#""evt.time":1e999,"evt.time.s":"#),
        (r#""evt.time":"#, r#""evt.time":"\ud800","evt.time.s":"#),
        (r#""evt.time":"#, r#""evt.time":{},"evt.time.s":"#),
        (r#""evt.time":"#, r#""evt.time":[[1]],"evt.time.s":"#),
        (r#""dummy.user":"very "#, r#""dummy.user":"not very "#),
        (r#""dummy.user":"very "#, r#""dummy.other":"very "#),
        (r#""dummy.user":"very "#, r#""dummy.user":"\ud83dvery "#),
        (r#""dummy.list":null"#, r#""dummy.list":"null""#),
        (r#""dummy.list":null"#, r#""dummy.list":false"#),
        (r#""dummy.list":null"#, r#""dummy.list":[null]"#),
        (r#""dummy.flag":false"#, r#""dummy.flag":true"#),
        (r#""dummy.flag":false"#, r#""dummy.flag":0"#),
        (r#""dummy.nums":[0,10]"#, r#""dummy.nums":[0,11]"#),
        (r#""dummy.nums":[0,10]"#, r#""dummy.nums":[[0],10]"#),
        (r#""dummy.nums":[0,10]"#, r#""dummy.nums":[0,{}]"#),
    ] {
        is_refused(&alert, &replaced(&line, from, to));
    }
    let (start, end) = line.split_once(r#""output_fields":{"#).unwrap();
    let (_, end) = end.split_once('}').unwrap();
    for instead in ["null", "[]", "1", r#""text""#, r#"{"":1}"#] {
        is_refused(&alert, &format!(r#"{start}"output_fields":{instead}{end}"#));
    }
}

#[test]
fn no_reader_chokes_on_what_passes() {
    let (alert, line) = rich();
    for first in [
        // Which of two counts, readers do not agree on.
        r#""rule":"Harmless","#,
        r#""output":"Harmless","#,
        r#""\u006futput":"Harmless","#,
        r#""tags":[],"#,
        r#""output_fields":{},"#,
        r#""message":"a","message":"a","#,
        r#""message":"\ud800","#,
        r#""message":"\udc00\ud800","#,
        r#""message":1,"#,
        r#""message":null,"#,
        // Not taken for Falco's key.
        r#""message":"a","Message":"a","tags":[],"#,
        "\n",
        "\r",
    ] {
        is_refused(&alert, &replaced(&line, "{", &format!("{{{first}")));
    }
    is_refused(
        &alert,
        &replaced(&line, r#""output":""#, r#""output":"\udead"#),
    );
    is_refused(
        &alert,
        &replaced(&line, r#""output":""#, "\"output\":\"\u{1}"),
    );
    for output in [
        format!("{line}\n{line}"),
        format!("{line}{line}"),
        format!("{line} and more"),
        format!(" {line}"),
        format!("[{line}]"),
        format!("{line}}}"),
        "{".to_owned(),
        "{\"a\":".repeat(100_000) + &"}".repeat(100_000),
        format!(
            "{}{}",
            r#"{"tags":"#,
            "[".repeat(100_000) + &"]}".repeat(100_000)
        ),
    ] {
        is_refused(&alert, &output);
    }
}

#[test]
fn what_falco_may_leave_out_or_add_passes() {
    let (alert, line) = rich();
    let value = value(&line);
    for key in ["hostname", "output", "output_fields", "source", "tags"] {
        let mut less = value.clone();
        less.as_object_mut().unwrap().remove(key);
        passes(&alert, &less.to_string());
    }
    let mut more = value.clone();
    more["message"] = json!("a \"quoted\"\n\u{1f600} text");
    more["output_fields"]["evt.time.iso8601"] = json!("2026-11-22T16:42:47.314720914+0000");
    more["output_fields"]["evt.datetime"] = json!("2026-11-22 16:42:47.314720914");
    passes(&alert, &more.to_string());
    // The order and blanks say nothing.
    let (fields, mut less) = (value["output_fields"].clone(), value);
    less.as_object_mut().unwrap().remove("output_fields");
    let less = less.to_string();
    let start = less.strip_suffix('}').unwrap();
    passes(&alert, &format!(r#"{start}, "output_fields": {fields}}}"#));
}

/// The line of an alert that has a rule and these fields.
fn line_of_r(fields: &str) -> String {
    let rest = r#""priority":"Emergency","rule":"r","time":"1970-01-01T00:00:00.000000000Z"}"#;
    format!(r#"{{"output_fields":{{{fields}}},{rest}"#)
}

#[test]
fn bad_utf8_costs_no_line() {
    let with_line = |line: &str| {
        let mut message = Alert::builder()
            .without_time()
            .rule("r")
            .output(line)
            .build()
            .into_bytes();
        message.extend_from_slice(b"\x32\x08\x0a\x01k\x12\x03a\xffb");
        Alert::from_bytes(message).unwrap()
    };
    // What Falco's JSON makes of such a text is not always what we make of it.
    for shown in ["a\u{fffd}b", "ab", "a\u{fffd}\u{fffd}"] {
        let line = line_of_r(&format!(r#""k":"{shown}""#));
        let alert = with_line(&line);
        assert!(alert.is_lossy());
        assert_eq!(alert.falco_json().to_string(), line);
    }
}

/// A hostile message may have many fields, and the line as many again.
#[test]
fn many_fields_take_no_long_time() {
    let mut alert = Alert::builder().without_time().rule("r");
    let mut fields = Vec::new();
    for number in 0..100_000 {
        alert = alert.field(format!("{number:06}"), "v");
        fields.push(format!(r#""{number:06}":"v""#));
    }
    let line = line_of_r(&fields.join(","));
    let start = std::time::Instant::now();
    passes(&alert.build(), &line);
    assert!(start.elapsed().as_secs() < 5);
}
