//! Who else connects to the port: probes, web pages, proxies, and clients of other protocols.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};

use falco_client::{Client, Tls};

use super::hostile::{answer_to, status};
use super::Listening;
use crate::common::certificates::Certificates;
use crate::common::posting::Poster;
use crate::common::{line, LIMIT};

fn request(method: &str, path: &str, header: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n").into()
}

#[test]
fn probes_are_answered_and_not_counted() {
    let mut listening = Listening::start();
    for (method, path, body) in [
        ("GET", "/", "ok\n"),
        ("GET", "/ping", "pong\n"),
        ("GET", "/healthz", "{\"status\": \"ok\"}"),
        ("GET", "/livez?verbose", "ok\n"),
        ("HEAD", "/", ""),
        ("HEAD", "/healthz", ""),
        ("OPTIONS", "/", ""),
        ("OPTIONS", "*", ""),
    ] {
        let answer = answer_to(&listening, &request(method, path, ""));
        assert_eq!(status(&answer), "200", "{method} {path}: {answer}");
        let found = answer.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(found, body, "{method} {path}");
    }
    // One that only connects, and one that breaks off.
    drop(TcpStream::connect(listening.address()).unwrap());
    assert_eq!(
        status(&answer_to(&listening, &request("GET", "/x", ""))),
        "405"
    );
    assert_eq!(listening.alerts.counters().refused, 1);
    assert_eq!(listening.alerts.counters().undecodable, 0);
    assert_eq!(listening.poster().post(&line(0)).unwrap(), 200);
    assert_eq!(listening.number(), 0);
}

#[test]
fn a_test_alert_can_be_asked_for() {
    let mut listening = Listening::start();
    for header in ["", "Content-Length: 0\r\n"] {
        let answer = answer_to(&listening, &request("POST", "/test", header));
        assert_eq!(status(&answer), "200", "{answer}");
        let alert = listening.alerts.recv_timeout(LIMIT).unwrap().unwrap();
        assert_eq!(alert.rule(), "Test rule");
        assert_eq!(alert.priority().name(), Some("Debug"));
        assert!(alert.tags().eq(["test", "example"]));
        let age = alert.time().elapsed().unwrap();
        assert!(age < LIMIT, "{age:?}");
    }
    // A Falco whose url ends so loses nothing.
    let text = line(4);
    let posted = format!("Content-Length: {}\r\n", text.len());
    let posted = [request("POST", "/test", &posted), text.into()].concat();
    assert_eq!(status(&answer_to(&listening, &posted)), "200");
    assert_eq!(listening.number(), 4);
    assert_eq!(
        status(&answer_to(&listening, &request("POST", "/", ""))),
        "411"
    );
}

#[test]
fn a_web_page_posts_nothing() {
    let mut listening = Listening::start();
    let text = line(4);
    let header = format!(
        "Origin: https://example.com\r\nContent-Length: {}\r\n",
        text.len()
    );
    let posted = [request("POST", "/", &header), text.into()].concat();
    assert_eq!(status(&answer_to(&listening, &posted)), "403");
    let asked = request("OPTIONS", "/", "Origin: https://example.com\r\n");
    let answer = answer_to(&listening, &asked).to_ascii_lowercase();
    assert!(!answer.contains("access-control"), "{answer}");
    assert_eq!(listening.alerts.counters().alerts, 0);
    assert_eq!(listening.alerts.counters().refused, 1);
    assert_eq!(listening.poster().post(&line(0)).unwrap(), 200);
    assert_eq!(listening.number(), 0);
}

/// What `watch` says once each of these has been sent to it.
fn said_of(endpoint: &str, more: &[&str], sent: &[&[u8]]) -> (String, Vec<String>) {
    let mut watch = Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(["watch", "--endpoint", endpoint])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(watch.stderr.take().unwrap());
    let mut first = String::new();
    while !first.contains("listen+http") {
        assert!(
            std::io::BufRead::read_line(&mut said, &mut first).unwrap() > 0,
            "{first}"
        );
    }
    let port: String = first
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let mut answers = Vec::new();
    for bytes in sent {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answers.push(String::from_utf8_lossy(&answer).into_owned());
    }
    let id = watch.id().to_string();
    assert!(Command::new("kill")
        .args(["-INT", &id])
        .status()
        .unwrap()
        .success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    watch.wait().unwrap();
    (rest, answers)
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PROXY_1: &[u8] = b"PROXY TCP4 10.0.0.1 10.0.0.2 5 6\r\nPOST / HTTP/1.1\r\n\r\n";
const PROXY_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\0\x05\0\x06";

#[test]
fn other_protocols_are_named_with_their_remedy_and_hide_each_other_not() {
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello";
    let mut sent: Vec<&[u8]> = vec![b"DELETE / HTTP/1.1\r\nConnection: close\r\n\r\n"; 20];
    sent.extend([&hello[..], PREFACE, PROXY_1, PROXY_2]);
    let (said, answers) = said_of("listen+http://127.0.0.1:0", &[], &sent);
    for wanted in [
        "it speaks TLS, and this port does not; use listen+https here, or http://",
        "it speaks HTTP/2 without TLS, and this port HTTP/1.1; let the proxy",
        "header of the PROXY protocol before its request; turn the PROXY protocol off",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert_eq!(
        said.matches("turn the PROXY").count(),
        2,
        "of both versions: {said}"
    );
    assert!(
        answers[20..].iter().all(|answer| status(answer) == "400"),
        "{answers:?}"
    );
}

#[test]
fn plain_http_to_a_port_with_tls_is_named_and_answered() {
    let certificates = Certificates::for_names(&["localhost"]);
    let [_, cert, key] = certificates.server_files();
    let files = [
        "--cert",
        cert.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
    ];
    let post = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
    let (said, answers) = said_of("listen+https://127.0.0.1:0", &files, &[post, PROXY_1]);
    assert!(
        said.contains("this port has TLS; use https:// in http_output.url"),
        "{said}"
    );
    assert!(said.contains("turn the PROXY protocol off"), "{said}");
    assert!(answers[0].starts_with("HTTP/1.1 400"), "{answers:?}");
    assert!(answers[0].contains("this port has TLS"), "{answers:?}");
}

#[test]
fn a_probe_that_only_connects_to_a_port_with_tls_is_not_counted() {
    let certificates = Certificates::for_names(&["localhost"]);
    let [ca, cert, key] = certificates.server_files();
    let (client, port) = super::tls::listen(Tls::server_from_files(cert, key));
    let mut alerts = client.subscribe().unwrap();
    for _ in 0..10 {
        drop(TcpStream::connect(("localhost", port)).unwrap());
    }
    assert_eq!(super::tls::post(port, &ca, &[]).unwrap(), "200");
    assert_eq!(crate::common::next(&mut alerts), 3);
    assert_eq!(alerts.counters().refused, 0);
}

#[test]
fn only_an_alert_makes_a_connection_worth_keeping() {
    let listening = Listening::with(|config| config.max_connections(8));
    let mut falco = listening.poster();
    assert_eq!(falco.post(&line(0)).unwrap(), 200);
    // Each is answered, and stays; and is younger than the connection above.
    let mut others = Vec::new();
    for number in 0..40 {
        let mut other = TcpStream::connect(listening.address()).unwrap();
        other.set_read_timeout(Some(LIMIT)).unwrap();
        let request = match number % 3 {
            0 => "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
            1 => "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n",
            _ => "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        };
        other.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 9];
        other.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 ");
        others.push(other);
    }
    assert_eq!(
        falco.post(&line(1)).unwrap(),
        200,
        "its connection is still there"
    );
    drop(others);
}

#[test]
fn a_post_that_is_under_way_is_not_cut_for_one_who_is_refused_again_and_again() {
    let listening = Listening::with(|config| config.max_connections(2));
    let connect = || {
        let stream = TcpStream::connect(listening.address()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    };
    let refused = |stream: &mut TcpStream| {
        let request = "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"is served here\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
    };
    let mut other = connect();
    refused(&mut other);
    // It is new, and has not proven itself yet.
    let mut falco = connect();
    let text = line(0);
    let length = text.len();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    falco.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    falco.read_exact(&mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100 "), "{interim:?}");
    refused(&mut other);
    let mut third = connect();
    refused(&mut third);
    assert_eq!(other.read(&mut [0]).unwrap_or(0), 0, "it made room");
    falco.write_all(text.as_bytes()).unwrap();
    let mut answer = [0; 12];
    falco.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[test]
fn what_ends_a_sequence_is_answered_all_the_same() {
    for _ in 0..30 {
        let client = Client::open("listen+http://127.0.0.1:0").unwrap();
        let address = client.endpoint().to_string().replace("listen+http://", "");
        let watch = client.subscribe_with(|_| ControlFlow::Break(())).unwrap();
        let mut falco = Poster::connect(&address).unwrap();
        assert_eq!(falco.post(&line(0)).unwrap(), 200, "as it was delivered");
        watch.wait().unwrap();
    }
}
