//! A stream of Redis as a source.

mod access;
mod groups;

use falco_client::check::Check;
use falco_client::{Alerts, Client, Config, Error, State};

use crate::common::redis::RedisServer;
use crate::common::{line, next, number, numbers, until, LIMIT};
use crate::{close, read, NONE};

#[test]
fn a_stream_is_read_from_its_beginning_and_followed() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..700);
    let client = Client::open(&redis.stream("")).unwrap();
    let got = client.get().unwrap();
    assert!(numbers(got).into_iter().eq(0..700));

    let mut alerts = client.subscribe().unwrap();
    for number in 0..700 {
        assert_eq!(next(&mut alerts), number);
    }
    redis.add(700..701);
    assert_eq!(next(&mut alerts), 700);
    assert_eq!(alerts.state(), State::Following);
    assert_eq!(alerts.counters().gaps, 0);
    assert_eq!(close(alerts), NONE);
    // Falco's own line, as it came.
    let first = client.get().unwrap().next_alert();
    assert_eq!(first.raw_json().unwrap(), line(0).as_bytes());

    let mut alerts = read(&redis.stream("?start=$"));
    until("it follows", || alerts.state() == State::Following);
    redis.add(701..702);
    assert_eq!(next(&mut alerts), 701);
}

trait NextAlert {
    fn next_alert(self) -> falco_client::Alert;
}

impl NextAlert for Alerts {
    fn next_alert(mut self) -> falco_client::Alert {
        self.recv_timeout(LIMIT).unwrap().unwrap()
    }
}

#[test]
fn entries_that_are_trimmed_or_deleted_unread_are_counted() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    for options in ["?group=g&consumer=a", ""] {
        redis.run::<i64>(&["DEL", "alerts"]);
        redis.add(0..10);
        let mut alerts = read(&redis.stream(options));
        for number in 0..10 {
            assert_eq!(next(&mut alerts), number);
        }
        assert_eq!(alerts.counters().gaps, 0);
        // In one go, so that the reader has no time.
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        for number in 10..30 {
            let add = pipeline.cmd("XADD").arg("alerts").arg("*");
            add.arg("alert").arg(line(number));
        }
        pipeline.cmd("XTRIM").arg(&["alerts", "MAXLEN", "5"]);
        pipeline.query::<()>(&mut redis.connect()).unwrap();
        let rest: Vec<_> = (0..5).map(|_| next(&mut alerts)).collect();
        assert_eq!(rest, [25, 26, 27, 28, 29]);
        assert_eq!(alerts.counters().gaps, 1, "{options}");
    }

    // One that was given out and deleted then.
    let ids: Vec<(String, redis::Value)> = redis.run(&["XRANGE", "alerts", "-", "+"]);
    redis.run::<String>(&["XGROUP", "CREATE", "alerts", "h", "0"]);
    let give = ["XREADGROUP", "GROUP", "h", "a", "STREAMS", "alerts", ">"];
    redis.run::<redis::Value>(&give);
    // So long ago that it may be taken over as well.
    let old = ["XCLAIM", "alerts", "h", "a", "0", &ids[1].0];
    redis.run::<redis::Value>(&[&old[..], &["IDLE", "100000"]].concat());
    redis.run::<i64>(&["XDEL", "alerts", &ids[1].0]);
    let mut alerts = read(&redis.stream("?group=h&consumer=a"));
    let rest: Vec<_> = (0..4).map(|_| next(&mut alerts)).collect();
    assert_eq!(rest, [25, 27, 28, 29]);
    // The first acknowledgement comes after it has looked for what it may take over.
    until("the first are acknowledged", || redis.pending("h") <= 1);
    assert_eq!(alerts.counters().gaps, 1);
    assert_eq!(close(alerts), NONE);
    assert_eq!(redis.pending("h"), 0);
}

#[test]
fn a_server_that_is_killed_and_a_group_that_is_deleted_are_outlived() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..3);
    let mut alerts = read(&redis.stream("?group=g&consumer=a"));
    let mut all = read(&redis.stream(""));
    assert_eq!(next(&mut alerts), 0);
    assert_eq!(next(&mut all), 0);
    redis.kill();
    until(
        "it waits",
        || matches!(alerts.state(), State::Waiting { ref why, .. } if why.contains("nothing listens there")),
    );
    redis.restart();
    redis.add(3..5);
    for number in 1..5 {
        assert_eq!(next(&mut alerts), number);
        assert_eq!(next(&mut all), number);
    }
    assert!(alerts.counters().reconnects >= 1);

    redis.run::<i64>(&["XGROUP", "DESTROY", "alerts", "g"]);
    redis.add(5..6);
    assert_eq!(next(&mut alerts), 5);
    redis.run::<i64>(&["DEL", "alerts"]);
    redis.add(6..7);
    assert_eq!(next(&mut alerts), 6);
    assert_eq!(next(&mut all), 5);
    assert_eq!(next(&mut all), 6);
    assert_eq!(alerts.counters().gaps, 2, "each is said to be a loss");
    assert_eq!(close(alerts), NONE);
}

#[test]
fn what_is_no_alert_is_an_error_and_the_next_one_follows() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(100_000));
    let add = |field: &str, value: &[u8]| {
        let mut add = redis::cmd("XADD");
        add.arg(&["alerts", "*", field]).arg(value);
        add.query::<String>(&mut redis.connect()).unwrap();
    };
    add("alert", b"text");
    add("alert", b"\xff\x00{");
    add("alert", large.as_bytes());
    add("other", b"");
    // Another program's field.
    add("message", line(1).as_bytes());
    let deep = "[".repeat(100_000);
    add("alert", deep.as_bytes());
    add("alert", line(2).as_bytes());
    let config = Config::new(redis.stream("?group=g")).max_message_bytes(50_000);
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    let mut took = Vec::new();
    for _ in 0..7 {
        took.push(match alerts.recv_timeout(LIMIT).unwrap() {
            Ok(alert) => number(&alert).to_string(),
            Err(Error::TooLarge { size, .. }) => format!("{}", size.unwrap()),
            Err(Error::Undecodable { bytes, .. }) => format!("no alert: {}", bytes.len()),
            Err(error) => panic!("{error}"),
        });
    }
    let expected = [
        "no alert: 4",
        "no alert: 3",
        "100008",
        "no alert: 0",
        "1",
        "100000",
        "2",
    ];
    assert_eq!(took, expected);
    assert_eq!(close(alerts), NONE);
    assert_eq!(
        redis.pending("g"),
        0,
        "what is no alert is acknowledged, too"
    );

    redis.run::<String>(&["SET", "text", "no stream"]);
    let endpoint = format!("redis://127.0.0.1:{}/text", redis.port);
    let error = read(&endpoint).recv_timeout(LIMIT).unwrap().unwrap_err();
    assert!(
        error.to_string().contains("the key is no stream"),
        "{error}"
    );
}

#[test]
fn a_check_walks_the_way_to_the_stream_and_reads_nothing() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let check = |endpoint: &str| Check::new(Config::new(endpoint)).run().unwrap().to_string();
    let endpoint = redis.stream("?group=g");
    assert!(check(&endpoint).contains("there is no stream alerts yet"));
    redis.add(0..5);
    assert!(check(&endpoint).contains("there is no group g yet"));
    let mut alerts = read(&endpoint);
    assert_eq!(next(&mut alerts), 0);
    assert_eq!(close(alerts), [1, 2, 3, 4]);
    redis.add(5..8);
    let report = check(&endpoint);
    for part in [
        "ok       tcp           127.0.0.1",
        "the stream alerts has 8 entries",
        "the group g has 3 entries to read, 0 not acknowledged, and 1 reader",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert_eq!(redis.pending("g"), 0);
    assert!(check("redis://127.0.0.1:1/alerts").contains("see whether Redis is running"));
}
