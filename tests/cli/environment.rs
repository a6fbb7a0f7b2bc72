//! Options as variables, `FALCO_CLIENT_…`.

use std::fs;
use std::process::Stdio;

use crate::child::{falco_client, finish, recording, Falco};

#[test]
fn any_option_can_be_a_variable_and_an_argument_replaces_it() {
    let falco = Falco::replay(&recording("dummy_text.pb"));
    let mut get = falco_client(&["get"]);
    get.env("FALCO_CLIENT_ENDPOINT", &falco.endpoint)
        // Replaced by the one above.
        .env("FALCO_ENDPOINT", "unix:///nonexistent/falco.sock")
        .env("FALCO_CLIENT_RULE", "No such rule,*Emergency")
        .env("FALCO_CLIENT_LIMIT", "3")
        .env("FALCO_CLIENT_FORMAT", "text")
        .env("FALCO_CLIENT_MIN_PRIORITY", "");
    let ended = finish(get);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
    assert!(ended.stdout.lines().all(|line| line.contains("Emergency")));

    let mut get = falco_client(&["get", "--limit=2", "--rule", "Dummy*"]);
    get.env("FALCO_CLIENT_ENDPOINT", &falco.endpoint)
        .env("FALCO_CLIENT_RULE", "No such rule")
        .env("FALCO_CLIENT_LIMIT", "3");
    assert_eq!(finish(get).stdout.lines().count(), 2);
}

#[test]
fn a_relay_is_run_by_its_environment_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let input = recording("dummy_json.jsonl");
    let mut relay = falco_client(&["relay"]);
    relay
        .env("FALCO_CLIENT_FROM", format!("file://{}", input.display()))
        .env(
            "FALCO_CLIENT_TO",
            format!("{}, {}", path("one"), path("two")),
        )
        .env("FALCO_CLIENT_CHECK", "true")
        .env("FALCO_CLIENT_FAN_OUT", "no");
    let ended = finish(relay);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for name in ["one", "two"] {
        let part = format!("to file://{}\n", path(name));
        assert!(ended.stdout.contains(&part), "{}", ended.stdout);
        assert!(!fs::exists(path(name)).unwrap());
    }

    let mut relay = falco_client(&["relay"]);
    relay
        .env("FALCO_CLIENT_FROM", "-")
        .env("FALCO_CLIENT_TO", path("one"))
        .stdin(Stdio::from(fs::File::open(&input).unwrap()));
    let ended = finish(relay);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(fs::read(path("one")).unwrap(), fs::read(&input).unwrap());
}

#[test]
fn a_wrong_value_names_its_variable_and_shows_no_secret() {
    let mut get = falco_client(&["get"]);
    get.env("FALCO_CLIENT_LIMIT", "many");
    let ended = finish(get);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("FALCO_CLIENT_LIMIT"),
        "{}",
        ended.stderr
    );

    let secret = |args: &[&str]| {
        let mut relay = falco_client(args);
        relay
            .env("FALCO_CLIENT_FROM", "-")
            .env("FALCO_CLIENT_TO", "http://user:s3cret@ host/?s3cret")
            .env("FALCO_CLIENT_TO_HEADER", "s3cret");
        finish(relay)
    };
    for (args, code) in [
        (&["relay", "--help"][..], 0),
        (&["help", "relay"], 0),
        (&["relay"], 2),
        (&["relay", "--to", "http://127.0.0.1:1/"], 2),
        (&["relay", "--spool-size", "none"], 2),
        (
            &[
                "dead-letters",
                "--spool",
                "/",
                "--send-to",
                "htp://user:s3cret@host/?s3cret",
            ],
            2,
        ),
        (&["relay", "--forget", "htp://user:s3cret@host/?s3cret"], 2),
    ] {
        let ended = secret(args);
        assert_eq!(ended.code, Some(code), "{args:?} {}", ended.stderr);
        let shown = ended.stdout + &ended.stderr;
        assert!(!shown.contains("s3cret"), "{args:?} {shown}");
    }
}

#[test]
fn the_manual_says_how_variables_are_named() {
    for args in [&["help"][..], &["help", "relay"], &["man"]] {
        let text = finish(falco_client(args)).stdout;
        assert!(
            text.contains("FALCO_CLIENT_MIN_PRIORITY"),
            "{args:?} {text}"
        );
    }
    let short = finish(falco_client(&["watch", "--help"])).stdout;
    assert!(!short.contains("[env"), "{short}");
}
