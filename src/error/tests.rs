use super::*;

use std::io;

fn cause() -> Option<Cause> {
    Some(io::Error::other("the cause").into())
}

/// One of each variant, with what its text begins with, its remedy, and whether it is transient.
fn one_of_each() -> Vec<(Error, &'static str, Option<&'static str>, bool)> {
    let problem = || Problem::fixed("is wrong", "change it");
    let json = serde_json::from_str::<u8>("x").unwrap_err();
    let status = |code| Error::Status {
        endpoint: "e:1".into(),
        code,
        message: "a\nb".into(),
    };
    vec![
        (
            Error::endpoint("e", problem()),
            "endpoint \"e\": is wrong; change it",
            Some("change it"),
            false,
        ),
        (
            Error::config("tls", problem()),
            "tls: is wrong; change it",
            Some("change it"),
            false,
        ),
        (
            Error::tls("ca.crt", problem(), cause()),
            "ca.crt: is wrong; change it",
            Some("change it"),
            false,
        ),
        (
            Error::unavailable("e:1", Problem::without_remedy("is wrong"), cause()),
            "e:1: is wrong",
            None,
            true,
        ),
        (
            Error::untrusted("e:1", problem(), cause()),
            "e:1: is wrong; change it",
            Some("change it"),
            false,
        ),
        (
            Error::Unimplemented {
                endpoint: "e:1".into(),
                method: "falco.outputs.service/get",
            },
            "e:1: the server has no alerts to give: neither falco.outputs.service/get",
            Some("Falco 0.44 and later have no gRPC"),
            false,
        ),
        (
            Error::Unimplemented {
                endpoint: "e:1".into(),
                method: "falco.version.service/version",
            },
            "e:1: the server does not report its version",
            Some("Falco 0.18 and 0.19"),
            false,
        ),
        (
            Error::Timeout {
                endpoint: "e:1".into(),
                after: Duration::from_secs(3),
            },
            "e:1: no answer within 3s; see whether Falco is running",
            Some("see whether"),
            true,
        ),
        (
            Error::TooLarge {
                endpoint: "e:1".into(),
                size: Some(11),
                limit: Some(10),
            },
            "e:1: an alert of 11 bytes was too large and is lost (the limit is 10 bytes); allow",
            Some("allow more with max_message_bytes"),
            true,
        ),
        (
            Error::TooLarge {
                endpoint: "e:1".into(),
                size: None,
                limit: None,
            },
            "e:1: an alert was too large and is lost; allow",
            Some("allow more with max_message_bytes"),
            true,
        ),
        (
            status(StatusCode::PermissionDenied),
            "e:1: the server ended the call with PERMISSION_DENIED (a\\nb); see which clients",
            Some("see which clients"),
            false,
        ),
        (
            status(StatusCode::Internal),
            "e:1: the server ended the call with INTERNAL (a\\nb); see",
            Some("see the log of the server"),
            true,
        ),
        (
            Error::not_protobuf(b"ab".as_slice().into(), "is cut".into()),
            "an alert of 2 bytes is no valid protobuf message: is cut; if",
            Some("report it with its bytes"),
            true,
        ),
        (
            Error::not_json("e:1", b"a\x1b".as_slice().into(), "it has no time".into()),
            "e:1: this is no alert in Falco's JSON (it has no time): a\\u{1b}; see",
            Some("json_output is true"),
            true,
        ),
        (
            Error::Json { source: json },
            "not an alert in Falco's JSON: expected value",
            Some("json_output is true"),
            false,
        ),
        (
            Error::descriptor("x.proto", problem(), cause()),
            "x.proto: is wrong; change it",
            Some("change it"),
            false,
        ),
        (
            Error::listen("e:1", problem(), cause()),
            "e:1: is wrong; change it",
            Some("change it"),
            false,
        ),
        (
            Error::WouldDeadlock { call: "version" },
            "version waits for the thread that it was called on; call it",
            Some("from another thread"),
            false,
        ),
        (
            Error::CallbackPanicked {
                endpoint: "e:1".into(),
            },
            "e:1: the callback panicked",
            Some("see the panic's own message"),
            false,
        ),
    ]
}

#[test]
fn each_error_is_one_line_that_ends_with_its_remedy() {
    for (error, text, remedy, transient) in one_of_each() {
        let shown = error.to_string();
        assert!(shown.starts_with(text), "{shown}");
        assert!(!shown.contains(char::is_control), "{shown}");
        match (remedy, error.remedy()) {
            (Some(part), Some(remedy)) => {
                assert!(remedy.contains(part), "{shown}");
                let whole = format!("{}; {remedy}", error.without_remedy());
                assert_eq!(shown, whole);
            }
            (None, None) => assert_eq!(shown, error.without_remedy().to_string()),
            other => panic!("{shown}: {other:?}"),
        }
        assert_eq!(error.is_transient(), transient, "{shown}");
    }
}

#[test]
fn causes_stay_reachable() {
    for (error, ..) in one_of_each() {
        let kept = match &error {
            Error::Tls { .. }
            | Error::Unavailable { .. }
            | Error::Untrusted { .. }
            | Error::Descriptor { .. }
            | Error::Listen { .. } => error.source().unwrap().to_string() == "the cause",
            Error::Json { .. } => error.source().unwrap().is::<serde_json::Error>(),
            _ => error.source().is_none(),
        };
        assert!(kept, "{error}");
    }
}

#[test]
fn a_long_message_is_cut_in_the_text_and_whole_in_the_error() {
    let line = [b'x'; 300];
    let error = Error::not_json("-", line.as_slice().into(), "it is none".into());
    let shown = error.to_string();
    assert!(shown.contains(&format!("{} …", "x".repeat(200))), "{shown}");
    assert!(!shown.contains(&"x".repeat(201)), "{shown}");
    let Error::Undecodable { bytes, format, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((&*bytes, format), (line.as_slice(), Format::JsonLine));
}

#[test]
fn an_error_says_once_where_its_message_came_from() {
    let error = Error::not_protobuf(Box::default(), "is cut".into());
    let error = error.received_from("e:1").received_from("e:2");
    assert!(
        error.to_string().starts_with("e:1: an alert of 0 bytes"),
        "{error}"
    );
}

#[test]
fn a_problem_keeps_its_remedy_at_the_end() {
    let problem = Problem::fixed("is wrong", "change it; or not");
    let problem = problem.because("it is old").of("x");
    assert_eq!(
        problem.to_string(),
        "x: is wrong (it is old); change it; or not"
    );
    let error = Error::listen("e", problem, None);
    assert_eq!(error.remedy(), Some("change it; or not"));
    let again = Problem::from(&error);
    assert_eq!(again.text, "e: x: is wrong (it is old)");
    assert_eq!(again.remedy.as_deref(), error.remedy());
}
