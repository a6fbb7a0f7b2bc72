//! What a peer may send, and what it gets for it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use falco_client::Error;

use super::Listening;
use crate::common::posting::Poster;
use crate::common::{line, until, LIMIT};

/// Sends this on a connection of its own, and reads to the end.
pub fn answer_to(listening: &Listening, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(listening.address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // It may be answered, and cut, before all is sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

pub fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// A post of such a body that is the last on its connection.
fn post(body: &str) -> String {
    let length = body.len();
    format!("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn what_is_no_alert_is_reported_to_both_sides() {
    let mut listening = Listening::start();
    let no_rule = r#"{"time":"2026-11-22T16:42:47Z","priority":"Error"}"#;
    for (body, problem) in [
        ("16:42:47: Notice text", "json_output: true"),
        ("no alert", "expected ident"),
        ("", "EOF"),
        ("{}", "it has no time"),
        (no_rule, "it has no rule"),
    ] {
        let answer = answer_to(&listening, post(body).as_bytes());
        assert_eq!(status(&answer), "400", "{answer}");
        assert!(answer.contains(problem), "{answer}");
        let error = listening.error();
        assert!(error.to_string().contains("json_output"), "{error}");
        match error {
            Error::Undecodable { bytes, .. } => assert_eq!(&*bytes, body.as_bytes()),
            other => panic!("{other}"),
        }
    }
    assert_eq!(listening.alerts.counters().undecodable, 5);
    assert_eq!(listening.poster().post(&line(0)).unwrap(), 200);
    assert_eq!(listening.number(), 0);
}

#[test]
fn other_methods_are_refused_and_the_connection_goes_on() {
    let mut listening = Listening::start();
    let mut falco = listening.poster();
    for method in ["GET", "DELETE"] {
        let request = format!("{method} /alerts HTTP/1.1\r\nHost: x\r\n\r\n");
        falco.stream().write_all(request.as_bytes()).unwrap();
        assert_eq!(falco.answer().unwrap(), 405);
    }
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    assert_eq!(listening.number(), 0);
    let with_body = "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /";
    let answer = answer_to(&listening, with_body.as_bytes());
    assert_eq!(status(&answer), "405", "{answer}");
    assert!(
        answer.contains("allow: POST, GET, HEAD, OPTIONS\r\n"),
        "{answer}"
    );
    assert_eq!(
        answer.matches("HTTP/1.1").count(),
        1,
        "its body is no request"
    );
    assert_eq!(listening.alerts.counters().refused, 3);
}

#[test]
fn a_body_over_the_limit_is_refused_and_the_connection_goes_on() {
    let mut listening = Listening::with(|config| config.max_message_bytes(100_000));
    let mut falco = listening.poster();
    assert_eq!(falco.post(&"x".repeat(100_001)).unwrap(), 413);
    assert_eq!(falco.post(&"x".repeat(3_000_000)).unwrap(), 413);
    let large = line(1).replace("ooo", &"o".repeat(600));
    assert!(
        (64 * 1024..100_000).contains(&large.len()),
        "{}",
        large.len()
    );
    assert_eq!(falco.post(&large).unwrap(), 200);
    assert_eq!(listening.number(), 1);
    // It waits for a word before it sends the body, and gets another.
    let waiting = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n";
    assert_eq!(status(&answer_to(&listening, waiting.as_bytes())), "413");
    assert_eq!(listening.alerts.counters().refused, 3);
}

#[test]
fn what_is_no_http_is_refused() {
    let mut listening = Listening::start();
    let endless = format!("POST / HTTP/1.1\r\nX: {}", "a".repeat(20_000));
    let many: String = (0..200).map(|number| format!("X{number}: 1\r\n")).collect();
    for (bytes, expected) in [
        (
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n"[..],
            "400",
        ),
        (b"\0\0\0\0\r\n\r\n", "400"),
        (b"POST / HTTP/9.9\r\n\r\n", "400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n",
            "400",
        ),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
            "400",
        ),
        (endless.as_bytes(), "431"),
        (format!("POST / HTTP/1.1\r\n{many}\r\n").as_bytes(), "400"),
    ] {
        let answer = answer_to(&listening, bytes);
        assert_eq!(
            status(&answer),
            expected,
            "{:?}: {answer}",
            String::from_utf8_lossy(bytes)
        );
    }
    assert_eq!(listening.alerts.counters().refused, 9);
    assert_eq!(listening.poster().post(&line(0)).unwrap(), 200);
    assert_eq!(listening.number(), 0);
}

#[test]
fn who_is_slow_or_silent_is_sent_away() {
    let mut listening = Listening::with(|config| config.call_timeout(Duration::from_millis(300)));
    for bytes in [
        &b"POST / HTTP/1.1\r\nContent-Len"[..],
        b"POST / HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n{",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ] {
        assert_eq!(status(&answer_to(&listening, bytes)), "408");
    }
    assert_eq!(
        answer_to(&listening, b""),
        "",
        "a silent one gets no answer"
    );
    // A byte now and then buys no time.
    let mut slow = TcpStream::connect(listening.address()).unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nX: ").unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut answer = [0; 12];
    until("it is answered", || {
        let _ = slow.write_all(b"a");
        slow.read_exact(&mut answer).is_ok()
    });
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert_eq!(listening.poster().post(&line(0)).unwrap(), 200);
    assert_eq!(listening.number(), 0);
}

#[test]
fn requests_in_one_piece_are_all_taken_in_order() {
    let mut listening = Listening::start();
    let request = |number| {
        let line = line(number);
        format!(
            "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{line}",
            line.len()
        )
    };
    let mut falco = listening.poster();
    let all: String = (0..50).map(request).collect();
    falco.stream().write_all(all.as_bytes()).unwrap();
    for number in 0..50 {
        assert_eq!(falco.answer().unwrap(), 200);
        assert_eq!(listening.number(), number);
    }
}

#[test]
fn a_new_connection_takes_the_place_of_one_that_never_posted() {
    let mut listening = Listening::with(|config| config.max_connections(4));
    let mut falco = listening.poster();
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    let silent: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(listening.address()).unwrap())
        .collect();
    // The last of them may not be let in before this one.
    let mut late = Poster::connect(&listening.address()).unwrap();
    assert_eq!(late.post(&line(1)).unwrap(), 200);
    assert_eq!(falco.post(&line(2)).unwrap(), 200, "who has posted stays");
    for mut silent in silent.into_iter().take(16) {
        assert!(
            matches!(silent.read(&mut [0]), Ok(0) | Err(_)),
            "it was sent away"
        );
    }
    for number in 0..3 {
        assert_eq!(listening.number(), number);
    }
}

#[test]
fn no_proxy_can_be_made_to_see_another_end_of_a_body() {
    let mut listening = Listening::start();
    let inner = post(&line(9));
    for (head, expected) in [
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", "400"),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n",
            "400",
        ),
        ("POST / HTTP/1.1\r\n", "411"),
    ] {
        let answer = answer_to(&listening, format!("{head}\r\n0\r\n\r\n{inner}").as_bytes());
        assert_eq!(status(&answer), expected, "{head}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head}: {answer}");
    }
    let old = format!(
        "POST / HTTP/1.0\r\nContent-Length: {}\r\n\r\n{}",
        line(1).len(),
        line(1)
    );
    let answer = answer_to(&listening, old.as_bytes());
    assert_eq!(status(&answer), "200", "and the connection ends: {answer}");
    assert_eq!(listening.number(), 1);
}

#[test]
fn garbage_fills_no_queue_that_drops() {
    let listening = Listening::with(|config| {
        config
            .queue_bytes(100_000)
            .overflow(falco_client::Overflow::DropOldest)
    });
    let mut falco = listening.poster();
    for _ in 0..50 {
        assert_eq!(falco.post(&"x".repeat(60_000)).unwrap(), 400);
    }
    let counters = listening.alerts.counters();
    assert_eq!(counters.undecodable, 50);
    assert!(counters.dropped >= 48, "{counters:?}");
}
