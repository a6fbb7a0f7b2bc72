//! Alerts that come back to a relay through others.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use falco_client::relay::{Relay, SinkStatus};
use falco_client::Config;

use crate::common::posting::message;
use crate::common::redis::free_port;
use crate::common::{line, until};
use crate::{address, listening, posted_sink, poster, recv, LIMIT};

/// The header that tells a relay's id.
const HEADER: &str = "falco-client-relays: ";

fn to(relay: &Relay) -> String {
    format!("http://{}", address(relay, 0))
}

fn failing(relay: &Relay) -> Option<String> {
    let sink = relay.status().sinks.swap_remove(0);
    sink.failing.map(|problem| problem.to_string())
}

/// Posts to the first of so many relays, each of which sends to the next, and the last to the first.
fn is_found_with(relays: usize) {
    let port = free_port();
    let mut next = format!("http://127.0.0.1:{port}");
    let mut others = Vec::new();
    for _ in 1..relays {
        let other = listening().to(next.parse().unwrap()).start().unwrap();
        next = to(&other);
        others.push(other);
    }
    let (mut taken, elsewhere) = posted_sink();
    let first = Relay::builder()
        .from(Config::new(format!("listen+http://127.0.0.1:{port}")))
        .to(next.parse().unwrap())
        .to(elsewhere.parse().unwrap())
        .start()
        .unwrap();
    assert_eq!(poster(&first).post(&line(0)).unwrap(), 200);
    let last = &others[0];
    until("it is found", || failing(last).is_some());
    let problem = failing(last).unwrap();
    assert!(problem.contains("508 Loop Detected"), "{problem}");
    assert!(problem.contains("own alerts come back"), "{problem}");
    // What follows waits as well, and nothing is given up.
    assert_eq!(poster(&first).post(&line(1)).unwrap(), 200);
    until("it is tried often", || {
        first.status().sources[0].counters.refused >= 4
    });
    until("all is delivered that does not come back", || {
        first.status().spooled == 0
    });
    for number in 0..2 {
        assert_eq!(recv(&mut taken).raw_json(), Some(line(number).as_bytes()));
    }
    let status = first.status();
    assert_eq!(status.sources[0].counters.alerts, 2);
    for SinkStatus {
        delivered, refused, ..
    } in &status.sinks
    {
        assert_eq!((*delivered, *refused), (2, 0));
    }
    assert!(status.is_healthy(), "{status:?}");
    until("the second has come to the last", || {
        last.status().spooled == 2
    });
    let sink = &last.status().sinks[0];
    assert_eq!((sink.delivered, sink.refused, sink.waiting), (0, 0, 2));
    assert!(!last.status().is_healthy());
}

#[test]
fn alerts_that_come_back_through_another_relay_are_refused() {
    is_found_with(2);
}

#[test]
fn alerts_that_come_back_through_several_relays_are_refused() {
    is_found_with(3);
}

#[test]
fn a_chain_of_relays_is_no_loop() {
    let (mut taken, url) = posted_sink();
    let third = listening().to(url.parse().unwrap()).start().unwrap();
    let second = listening().to(to(&third).parse().unwrap()).start().unwrap();
    // By two ways to the same one, which is none either.
    let first = listening()
        .to(to(&second).parse().unwrap())
        .to(to(&third).parse().unwrap())
        .start()
        .unwrap();
    let mut falco = poster(&first);
    for number in 0..5 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let mut lines: Vec<_> = (0..10)
        .map(|_| String::from_utf8(recv(&mut taken).raw_json().unwrap().to_vec()).unwrap())
        .collect();
    lines.sort();
    assert!(lines
        .into_iter()
        .eq((0..5).flat_map(|number| [line(number), line(number)])));
    for relay in [&first, &second, &third] {
        let status = relay.status();
        assert_eq!(status.sources[0].counters.refused, 0);
        assert!(status.is_healthy(), "{status:?}");
    }
}

/// A sink that takes all, and reports the heads of the requests.
fn heads() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sent, heads) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut stream = BufReader::new(stream);
            while let Ok(Some((head, _))) = message(&mut stream) {
                let _ = sent.send(head.to_ascii_lowercase());
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                if stream.get_mut().write_all(answer).is_err() {
                    break;
                }
            }
        }
    });
    (url, heads)
}

#[test]
fn a_hostile_list_of_relays_hides_no_alert_and_is_not_passed_on() {
    let (url, heads) = heads();
    let relay = listening().to(url.parse().unwrap()).start().unwrap();
    let next = || {
        let head = heads.recv_timeout(LIMIT).unwrap();
        let value = head.lines().find_map(|line| line.strip_prefix(HEADER));
        value.unwrap_or_else(|| panic!("{head}")).to_owned()
    };
    let post = |values: &[&str]| {
        let mut stream = TcpStream::connect(address(&relay, 0)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let headers: String = values
            .iter()
            .map(|value| format!("{HEADER}{value}\r\n"))
            .collect();
        let (line, length) = (line(0), line(0).len());
        let request = format!(
            "POST / HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{line}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let (head, _) = message(&mut BufReader::new(stream)).unwrap().unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        next()
    };
    let own = post(&[]);
    assert_eq!(own.len(), 32, "{own}");
    let many: Vec<_> = (0..150).map(|number| format!("{number:032x}")).collect();
    let long = "0".repeat(5000);
    for values in [
        [""].as_slice(),
        &["a", "é\u{1f980}", ",,,,"],
        &[&own[1..], &format!("{own}0")],
        &[&long],
    ] {
        assert_eq!(post(values), own, "{values:?}");
    }
    let passed_on = post(&[&many.join(",")]);
    assert_eq!(passed_on, format!("{own},{}", many[..16].join(",")));
    let sink = &relay.status().sinks[0];
    assert_eq!((sink.refused, sink.failing.clone()), (0, None));
}
