//! Who may post: a token, and the origins of web pages.

use std::process::Command;

use falco_client::{Client, Config};

use super::hostile::{answer_to, status};
use super::Listening;
use crate::common::line;

const TOKEN: &str = "correct-horse+battery/staple=";

fn post(header: &str) -> Vec<u8> {
    let body = line(7);
    let length = body.len();
    let head =
        format!("POST / HTTP/1.1\r\nConnection: close\r\n{header}Content-Length: {length}\r\n\r\n");
    (head + &body).into_bytes()
}

/// Posts as Falco does: by libcurl, with what its address has. The status.
fn curl(url: &str) -> String {
    let body = line(7);
    let ended = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--output",
            "/dev/null",
        ])
        .args(["--write-out", "%{http_code}", "--data-binary", &body, url])
        .output()
        .expect("this test needs the command curl: install the package curl");
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn only_who_has_the_token_may_post() {
    let mut listening = Listening::with(|config| config.token(TOKEN));
    let address = listening.address();
    let encoded = TOKEN.replace('+', "%2B").replace('/', "%2F");
    let ours = [
        format!("http://falco:{encoded}@{address}/"),
        format!("http://:{encoded}@{address}/any?path"),
    ];
    for url in &ours {
        assert_eq!(curl(url), "200", "{url}");
        assert_eq!(listening.number(), 7);
    }
    for scheme in ["Bearer", "bearer"] {
        let header = format!("Authorization: {scheme} {TOKEN}\r\n");
        assert_eq!(status(&answer_to(&listening, &post(&header))), "200");
        assert_eq!(listening.number(), 7);
    }
    let others = [
        format!("http://{address}/"),
        format!("http://falco:wrong@{address}/"),
        format!("http://{encoded}@{address}/"),
        format!("http://{address}/?token={encoded}"),
    ];
    for url in &others {
        assert_eq!(curl(url), "401", "{url}");
    }
    for header in [
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer correct-horse\r\n".to_owned(),
        format!("Authorization: {TOKEN}\r\n"),
        "Authorization: Basic !!\r\n".to_owned(),
        "Authorization: Digest username=\"falco\"\r\n".to_owned(),
    ] {
        let answer = answer_to(&listening, &post(&header));
        assert_eq!(status(&answer), "401", "{header}: {answer}");
        assert!(
            answer
                .to_ascii_lowercase()
                .contains("www-authenticate: basic"),
            "{answer}"
        );
        assert!(answer.contains("this port needs a token"), "{answer}");
        assert!(!answer.contains(TOKEN), "{answer}");
    }
    let counters = listening.alerts.counters();
    assert_eq!(
        (counters.unauthorized, counters.refused, counters.alerts),
        (9, 9, 4)
    );
    // A probe has none.
    let probe = b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&answer_to(&listening, probe)), "200");
    let test = b"POST /test HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(status(&answer_to(&listening, test)), "401");
}

#[test]
fn a_token_is_shown_nowhere_and_no_header_is_made_of_an_unfit_one() {
    let config = Config::new("listen+http://127.0.0.1:0").token(TOKEN);
    let shown = format!("{config:?} {:?}", Client::new(config.clone()).unwrap());
    assert!(!shown.contains("correct-horse"), "{shown}");
    let error = Client::new(config.token("two words"))
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.starts_with("token: ") && !error.contains("two words"),
        "{error}"
    );
}

#[test]
fn a_web_page_may_post_where_its_origin_is_allowed() {
    let allowed = "https://tools.example";
    let mut listening = Listening::with(|config| config.allow_origin(allowed));
    for (header, expected) in [
        ("Origin: https://tools.example\r\n", "200"),
        ("Origin: https://TOOLS.example\r\n", "200"),
        ("Origin: https://tools.example.org\r\n", "403"),
        ("Origin: http://tools.example\r\n", "403"),
        ("Origin: null\r\n", "403"),
        ("Origin: https://tools.example\r\nOrigin: null\r\n", "403"),
    ] {
        let answer = answer_to(&listening, &post(header));
        assert_eq!(status(&answer), expected, "{header}");
        if expected == "200" {
            assert_eq!(listening.number(), 7);
        }
    }
    assert_eq!(listening.alerts.counters().unauthorized, 0);
}
