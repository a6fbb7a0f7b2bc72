//! When an alert is answered, and what that means.

use std::time::Duration;

use falco_client::{Client, Config, Error, Overflow, State};

use super::Listening;
use crate::common::own_process::in_own_process;
use crate::common::posting::Poster;
use crate::common::{line, number, until, LIMIT};

#[test]
fn a_full_queue_delays_the_answer_and_loses_nothing() {
    let mut listening = Listening::with(|config| config.queue_bytes(4_000));
    let mut falco = listening.poster();
    let mut posted = 0;
    falco
        .stream()
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    // Until one is not answered, as nobody reads.
    while falco.post(&line(posted)).is_ok() {
        posted += 1;
        assert!(posted < 100, "the queue has no bound");
    }
    assert_eq!(
        listening.alerts.counters().alerts,
        posted as u64 + 1,
        "it came all the same"
    );
    falco.stream().set_read_timeout(Some(LIMIT)).unwrap();
    for expected in 0..=posted {
        assert_eq!(listening.number(), expected);
    }
    assert_eq!(falco.answer().unwrap(), 200);
    assert_eq!(
        falco.post(&line(99)).unwrap(),
        200,
        "and the connection goes on"
    );
    assert_eq!(listening.number(), 99);
}

#[test]
fn closing_takes_answers_and_delivers_what_has_come() {
    let mut listening = Listening::with(|config| config.queue_bytes(1));
    let mut falco = listening.poster();
    falco.send(&line(0)).unwrap();
    until("it came", || listening.alerts.counters().alerts == 1);
    listening.alerts.handle().close();
    assert_eq!(
        falco.answer().unwrap(),
        200,
        "it is taken, and that is said"
    );
    assert_eq!(listening.number(), 0);
    assert!(listening.alerts.recv().is_err(), "then it ends");
    assert_eq!(listening.alerts.state(), State::Ended);
    assert!(
        falco.post(&line(1)).is_err(),
        "what comes later is not taken"
    );
}

#[test]
fn what_waits_in_the_system_is_taken_at_the_end() {
    let client = Client::open("listen+http://127.0.0.1:0").unwrap();
    let address = client.endpoint().to_string().replace("listen+http://", "");
    // Nobody serves yet: the system has taken the connection and the alert.
    let mut falco = Poster::connect(&address).unwrap();
    falco.send(&line(0)).unwrap();
    let alerts = client.subscribe().unwrap();
    alerts.handle().close();
    let numbers: Vec<_> = alerts
        .into_iter()
        .map(|alert| number(&alert.unwrap()))
        .collect();
    assert_eq!(numbers, [0]);
    assert_eq!(falco.answer().unwrap(), 200);
}

#[test]
fn a_queue_that_drops_delays_no_answer_and_counts() {
    let listening =
        Listening::with(|config| config.queue_bytes(10_000).overflow(Overflow::DropOldest));
    let mut falco = listening.poster();
    for number in 0..200 {
        assert_eq!(falco.post(&line(number)).unwrap(), 200);
    }
    let dropped = listening.alerts.counters().dropped;
    listening.alerts.handle().close();
    let numbers: Vec<_> = listening
        .alerts
        .into_iter()
        .map(|alert| number(&alert.unwrap()))
        .collect();
    assert!(
        numbers.into_iter().eq(dropped as usize..200),
        "the newest, in order"
    );
}

#[test]
fn bytes_that_are_not_utf_8_hide_no_alert() {
    let mut listening = Listening::start();
    let bad = line(5).into_bytes();
    let at = bad.windows(3).position(|three| three == b"ooo").unwrap();
    let bad = [&bad[..at], b"\xff\xfe", &bad[at..]].concat();
    let mut stream = std::net::TcpStream::connect(listening.address()).unwrap();
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", bad.len());
    std::io::Write::write_all(&mut stream, &[head.as_bytes(), &bad].concat()).unwrap();
    let alert = listening.alerts.recv_timeout(LIMIT).unwrap().unwrap();
    assert_eq!(alert.raw_json(), Some(&bad[..]), "byte for byte");
    assert!(alert.is_lossy());
    assert_eq!(alert.field("number"), Some("5"));
    assert!(alert
        .falco_json()
        .to_string()
        .contains("\u{fffd}\u{fffd}ooo"));
}

#[test]
fn line_breaks_within_a_posted_alert_leave_it_one_line() {
    let mut listening = Listening::start();
    let pretty = line(5).replacen('{', "{\r\n", 1);
    assert_eq!(listening.poster().post(&pretty).unwrap(), 200);
    let alert = listening.alerts.recv_timeout(LIMIT).unwrap().unwrap();
    assert_eq!(alert.raw_json(), Some(pretty.as_bytes()));
    let shown = alert.falco_json().to_string();
    assert!(!shown.contains(['\r', '\n']));
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&shown), value(&pretty));
}

#[test]
fn calls_that_http_does_not_have_are_errors() {
    let client = Client::open("listen+http://127.0.0.1:0").unwrap();
    for error in [client.get().err().unwrap(), client.version().unwrap_err()] {
        assert!(matches!(error, Error::Endpoint { .. }), "{error}");
    }
    client.wait_connected(Duration::ZERO).unwrap();
    let taken = client.endpoint().to_string();
    let error = Client::new(Config::new(taken)).err().unwrap();
    assert!(matches!(error, Error::Listen { .. }), "{error}");
    assert!(
        error.to_string().contains("end what listens there"),
        "{error}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn dropping_a_sequence_leaves_no_thread_and_no_descriptor() {
    in_own_process(
        "http::answered::dropping_a_sequence_leaves_no_thread_and_no_descriptor",
        || {
            let count = |folder: &str| {
                std::fs::read_dir(format!("/proc/self/{folder}"))
                    .unwrap()
                    .count()
            };
            let once = || {
                let mut listening = Listening::start();
                let mut falco = listening.poster();
                assert_eq!(falco.post(&line(0)).unwrap(), 200);
                assert_eq!(listening.number(), 0);
                falco
            };
            // What is started once and kept.
            drop(once());
            let before = (count("task"), count("fd"));
            for _ in 0..100 {
                drop(once());
            }
            until("they have gone", || {
                count("task") <= before.0 && count("fd") <= before.1
            });
        },
    );
}
