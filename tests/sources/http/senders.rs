//! Alerts as collectors and proxies send them: several in a body, and compressed.

use std::io::Write as _;

use falco_client::Error;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::Compression;
use ruzstd::encoding::{compress_to_vec, CompressionLevel};

use super::hostile::{answer_to, status};
use super::Listening;
use crate::common::{line, LIMIT};

/// A post with a header more, the last on its connection.
fn post(header: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST / HTTP/1.1\r\nConnection: close\r\n{header}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[test]
fn each_of_several_in_one_body_is_an_alert() {
    let mut listening = Listening::start();
    let [one, two, three] = [1, 2, 3].map(line);
    let pretty = two.replacen('{', "{\n  ", 1);
    for body in [
        format!("[{one},{two},{three}]"),
        format!(" [\n {one} ,\n {two},{three} ]\r\n"),
        format!("{one}\n{two}\n{three}"),
        format!("{one}\r\n{two}\r\n\r\n{three}\r\n"),
        format!("{one}{two}{three}"),
        format!("{one}\n{pretty}\n{three}"),
        format!("[{one}]\n[{two},{three}]"),
    ] {
        let answer = answer_to(&listening, &post("", body.as_bytes()));
        assert_eq!(status(&answer), "200", "{body}: {answer}");
        for number in 1..=3 {
            assert_eq!(listening.number(), number, "{body}");
        }
    }
    assert_eq!(status(&answer_to(&listening, &post("", b"[]"))), "200");
    assert_eq!(listening.alerts.counters().alerts, 7 * 3);
    assert_eq!(listening.alerts.counters().undecodable, 0);
}

#[test]
fn what_is_no_alert_among_others_is_named_and_costs_none_of_them() {
    let mut listening = Listening::start();
    let [one, two] = [1, 2].map(line);
    let cut = &two[..two.len() / 2];
    for (body, place, bad) in [
        (format!("[{one},{{}},{two}]"), 2, "{}"),
        (format!("[{one},7,{two}]"), 2, "7"),
        (format!("{one}\nno alert\n{two}"), 2, "no alert"),
        (format!("{one}\n{cut}\n{two}"), 2, cut),
    ] {
        let answer = answer_to(&listening, &post("", body.as_bytes()));
        assert_eq!(status(&answer), "400", "{answer}");
        let said = "1 of 3 are no alerts, the other 2 are taken";
        assert!(answer.contains(said), "{answer}");
        assert!(answer.contains(&format!("\n{place}: ")), "{answer}");
        assert_eq!(listening.number(), 1);
        match listening.error() {
            Error::Undecodable { bytes, .. } => assert_eq!(&*bytes, bad.as_bytes()),
            other => panic!("{other}"),
        }
        assert_eq!(listening.number(), 2);
    }
    let many = format!("[{}]", ["1"; 5_000].join(","));
    let answer = answer_to(&listening, &post("", many.as_bytes()));
    assert!(answer.contains("none of 5000 is an alert"), "{answer}");
    assert!(answer.contains("and 4990 more"), "{answer}");
    assert!(answer.len() < 2_000, "{}", answer.len());
}

#[test]
fn all_of_a_body_have_room_before_it_is_answered() {
    let mut listening = Listening::with(|config| config.queue_bytes(4_000));
    let lines: Vec<_> = (0..100).map(line).collect();
    let mut falco = listening.poster();
    falco.send(&format!("[{}]", lines.join(","))).unwrap();
    for number in 0..90 {
        assert_eq!(listening.number(), number);
    }
    let mut early = [0];
    falco.stream().set_nonblocking(true).unwrap();
    let answered = falco.stream().peek(&mut early);
    assert!(answered.is_err(), "before all of it are in the queue");
    falco.stream().set_nonblocking(false).unwrap();
    for number in 90..100 {
        assert_eq!(listening.number(), number);
    }
    assert_eq!(falco.answer().unwrap(), 200);
}

/// Each encoding, and a body in it.
fn packed(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text).unwrap();
    zlib.write_all(text).unwrap();
    raw.write_all(text).unwrap();
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("Deflate", raw.finish().unwrap()),
        ("zstd", compress_to_vec(text, CompressionLevel::Fastest)),
    ]
}

#[test]
fn compressed_bodies_are_unpacked() {
    let mut listening = Listening::start();
    let text = line(5);
    let array = format!("[{}]", (0..500).map(line).collect::<Vec<_>>().join(","));
    for (encoding, body) in packed(text.as_bytes()) {
        let header = format!("Content-Encoding: {encoding}\r\n");
        let answer = answer_to(&listening, &post(&header, &body));
        assert_eq!(status(&answer), "200", "{encoding}: {answer}");
        let alert = listening.alerts.recv_timeout(LIMIT).unwrap().unwrap();
        assert_eq!(alert.raw_json(), Some(text.as_bytes()), "{encoding}");
        // One frame behind another is one body.
        let twice = [&body[..], &body].concat();
        if matches!(encoding, "gzip" | "zstd") {
            assert_eq!(
                status(&answer_to(&listening, &post(&header, &twice))),
                "200"
            );
            assert_eq!((listening.number(), listening.number()), (5, 5));
        }
    }
    for (encoding, body) in packed(array.as_bytes()) {
        let header = format!("Content-Encoding: {encoding}\r\n");
        assert_eq!(status(&answer_to(&listening, &post(&header, &body))), "200");
        for number in 0..500 {
            assert_eq!(listening.number(), number, "{encoding}");
        }
    }
    let plain = post("Content-Encoding: identity\r\n", text.as_bytes());
    assert_eq!(status(&answer_to(&listening, &plain)), "200");
}

#[test]
fn what_comes_out_of_a_compressed_body_is_limited() {
    let mut listening = Listening::with(|config| config.max_message_bytes(100_000));
    let bomb = vec![b' '; 200_000_000];
    for (encoding, body) in packed(&bomb) {
        // The limit on what comes in is the same, and more of it is discarded.
        let body = &body[..body.len().min(90_000)];
        let header = format!("Content-Encoding: {encoding}\r\n");
        let answer = answer_to(&listening, &post(&header, body));
        assert_eq!(status(&answer), "413", "{encoding}: {answer}");
    }
    // A frame that says a window of a terabyte, and one that says a content of 4 EiB.
    let window = b"\x28\xb5\x2f\xfd\x00\xf0\x01\0\0";
    let content = b"\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\x40\x01\0\0";
    for (frame, expected) in [(&window[..], "400"), (content, "413")] {
        let answer = answer_to(&listening, &post("Content-Encoding: zstd\r\n", frame));
        assert_eq!(status(&answer), expected, "{answer}");
    }
    assert_eq!(listening.alerts.counters().refused, 6);
    assert_eq!(listening.poster().post(&line(1)).unwrap(), 200);
    assert_eq!(listening.number(), 1);
}

#[test]
fn damaged_and_unknown_encodings_are_named() {
    let mut listening = Listening::start();
    let mut expected = 0;
    for (encoding, body) in packed(line(1).as_bytes()) {
        let header = format!("Content-Encoding: {encoding}\r\n");
        let mut flipped = body.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0xff;
        for (what, body) in [("cut", &body[..body.len() / 2]), ("empty", b"")] {
            let answer = answer_to(&listening, &post(&header, body));
            assert_eq!(status(&answer), "400", "{encoding}, {what}: {answer}");
            let name = encoding.to_ascii_lowercase();
            assert!(answer.contains(&format!("not valid {name}")), "{answer}");
            expected += 1;
        }
        if matches!(encoding, "gzip" | "deflate") {
            let answer = answer_to(&listening, &post(&header, &flipped));
            assert_eq!(status(&answer), "400", "{encoding}: {answer}");
            expected += 1;
        }
    }
    for encoding in ["br", "gzip, gzip", "snappy"] {
        let header = format!("Content-Encoding: {encoding}\r\n");
        let answer = answer_to(&listening, &post(&header, b"xyz"));
        assert_eq!(status(&answer), "415", "{encoding}: {answer}");
        assert!(answer.contains("accept-encoding: gzip, deflate, zstd\r\n"));
        assert!(
            answer.contains(&format!("Content-Encoding {encoding} ")),
            "{answer}"
        );
        expected += 1;
    }
    assert_eq!(listening.alerts.counters().refused, expected);
    assert_eq!(listening.poster().post(&line(1)).unwrap(), 200);
    assert_eq!(listening.number(), 1);
}
