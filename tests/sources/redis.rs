//! A stream of Redis as a source.

use std::ops::ControlFlow;
use std::sync::mpsc;

use falco_client::check::Check;
use falco_client::{Alerts, Client, Config, Error, State};

use crate::common::certificates::Certificates;
use crate::common::redis::RedisServer;
use crate::common::{line, next, number, numbers, until, LIMIT};

const NONE: [usize; 0] = [];

fn read(endpoint: &str) -> Alerts {
    Client::open(endpoint).unwrap().subscribe().unwrap()
}

/// What is left once it is closed.
fn close(alerts: Alerts) -> Vec<usize> {
    alerts.handle().close();
    numbers(alerts)
}

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
fn an_alert_counts_as_read_when_the_next_one_is_asked_for() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..10);
    let endpoint = redis.stream("?group=g&consumer=a");
    let mut alerts = read(&endpoint);
    for number in 0..4 {
        assert_eq!(next(&mut alerts), number);
    }
    // 0 to 2 are read; the reader has 3.
    until("they are acknowledged", || redis.pending("g") == 7);
    drop(alerts);

    let mut alerts = read(&endpoint);
    for number in 3..10 {
        assert_eq!(next(&mut alerts), number);
    }
    redis.add(10..12);
    assert_eq!(next(&mut alerts), 10);
    assert_eq!(close(alerts), [11]);
    // At once, not a second later.
    assert_eq!(redis.pending("g"), 0);
    let got = Client::open(&endpoint).unwrap().get().unwrap();
    assert_eq!(numbers(got), NONE);
}

#[test]
fn what_is_dropped_unread_does_not_keep_a_sequence_open() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..50);
    let config = Config::new(redis.stream("?group=g"))
        .queue_bytes(4_000)
        .overflow(falco_client::Overflow::DropNewest);
    let alerts = Client::new(config).unwrap().subscribe().unwrap();
    until("all have come", || alerts.counters().alerts == 50);
    let (dropped, left) = (alerts.counters().dropped, close(alerts).len());
    assert!(
        dropped > 0 && left as u64 + dropped == 50,
        "{dropped} {left}"
    );
    assert_eq!(redis.pending("g"), 0);
}

#[test]
fn readers_of_a_group_share_its_alerts() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let endpoint = |name| redis.stream(&format!("?group=g&consumer={name}"));
    let client = |name| Client::open(&endpoint(name)).unwrap();
    let (sender, all) = mpsc::channel();
    let watches: Vec<_> = ["a", "b"]
        .into_iter()
        .map(|name| {
            let sender = sender.clone();
            let callback = move |alert: falco_client::Result<_>| {
                sender.send((name, number(&alert.unwrap()))).unwrap();
                ControlFlow::Continue(())
            };
            client(name).subscribe_with(callback).unwrap()
        })
        .collect();
    for watch in &watches {
        until("it follows", || watch.state() == State::Following);
    }
    let mut got = Vec::new();
    for start in (0..400).step_by(10) {
        redis.add(start..start + 10);
        got.extend((0..10).map(|_| all.recv_timeout(LIMIT).unwrap()));
    }
    for name in ["a", "b"] {
        let own: Vec<_> = got.iter().filter(|(of, _)| *of == name).collect();
        assert!(
            own.is_sorted_by_key(|(_, number)| *number),
            "{name}: {own:?}"
        );
    }
    let mut numbers: Vec<_> = got.into_iter().map(|(_, number)| number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..400));
    for watch in watches {
        watch.handle().close();
        watch.wait().unwrap();
    }
    assert_eq!(redis.pending("g"), 0);
}

#[test]
fn what_a_dead_reader_left_is_taken_over_and_what_a_slow_one_has_is_not() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    redis.add(0..5);
    let endpoint = |name| redis.stream(&format!("?group=g&claim=2&consumer={name}"));
    // It takes nothing more, and is not dead.
    let slow = Config::new(endpoint("slow")).queue_bytes(1);
    let mut slow = Client::new(slow).unwrap().subscribe().unwrap();
    assert_eq!(next(&mut slow), 0);
    let mut heir = read(&endpoint("heir"));
    // Longer than readers may be silent.
    std::thread::sleep(std::time::Duration::from_secs(4));
    redis.add(5..6);
    assert_eq!(next(&mut heir), 5, "it has what the slow reader has");

    drop(slow);
    let left: Vec<_> = (0..5).map(|_| next(&mut heir)).collect();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    assert_eq!(close(heir), NONE);
    assert_eq!(redis.pending("g"), 0);
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
    redis.run::<i64>(&["XDEL", "alerts", &ids[1].0]);
    let mut alerts = read(&redis.stream("?group=h&consumer=a"));
    let rest: Vec<_> = (0..4).map(|_| next(&mut alerts)).collect();
    assert_eq!(rest, [25, 27, 28, 29]);
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
fn a_password_is_asked_for_and_shown_nowhere() {
    let Some(redis) = RedisServer::with(&["--requirepass", "s3cret"]) else {
        return;
    };
    let endpoint = |login: &str, options: &str| {
        format!("redis://{login}127.0.0.1:{}/alerts{options}", redis.port)
    };
    let refusal = |endpoint: &str| {
        let client = Client::open(endpoint).unwrap();
        assert!(!format!("{client:?}").contains("wr0ng"));
        let error = client.subscribe().unwrap().recv_timeout(LIMIT).unwrap();
        let error = error.unwrap_err();
        assert!(
            !error.is_transient() && !error.to_string().contains("wr0ng"),
            "{error}"
        );
        error.to_string()
    };
    for wrong in [endpoint("", ""), endpoint(":wr0ng@", "")] {
        let error = refusal(&wrong);
        assert!(
            error.contains("does not take the user or the password"),
            "{error}"
        );
    }
    let file = redis.path("password");
    std::fs::write(&file, "s3cret\n").unwrap();
    let from_file = endpoint("", &format!("?password-file={}", file.display()));
    for right in [
        endpoint(":s3cret@", ""),
        endpoint("default:s3cret@", ""),
        from_file.clone(),
    ] {
        let alerts = read(&right);
        until("it follows", || alerts.state() == State::Following);
        let report = Check::new(Config::new(&right)).run().unwrap().to_string();
        assert!(report.contains("ok       login"), "{report}");
        assert!(!report.contains("s3cret"), "{report}");
    }
    // A user who may read nothing else, and not this.
    let mut admin = redis::Client::open(endpoint(":s3cret@", "").replace("/alerts", "")).unwrap();
    let mut run = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command
            .arg(&words[1..])
            .query::<String>(&mut admin)
            .unwrap();
    };
    run(&["ACL", "SETUSER", "falco", "on", ">pw", "~others", "+@all"]);
    let error = refusal(&endpoint("falco:pw@", ""));
    assert!(error.contains("ACL SETUSER"), "{error}");
    // What it has worked with may be taken away and be given back.
    run(&["ACL", "SETUSER", "falco", "~alerts"]);
    let alerts = read(&endpoint("falco:pw@", "?group=g"));
    until("it follows", || alerts.state() == State::Following);
    run(&["ACL", "SETUSER", "falco", "resetkeys"]);
    until("it waits", || {
        matches!(alerts.state(), State::Waiting { .. })
    });
    run(&["ACL", "SETUSER", "falco", "~alerts"]);
    until("it follows again", || alerts.state() == State::Following);
}

#[test]
fn tls_verifies_the_server_and_may_show_a_certificate() {
    let certificates = Certificates::for_names(&["localhost"]);
    let file = |name: &str| certificates.path(name).display().to_string();
    let port = crate::common::redis::free_port().to_string();
    let Some(_redis) = RedisServer::with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &file("server.crt"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &file("ca.crt"),
    ]) else {
        return;
    };
    let endpoint = |host: &str, options: &str| format!("rediss://{host}:{port}/alerts{options}");
    let (ca, own) = (file("ca.crt"), (file("client.crt"), file("client.key")));
    let trusted = format!("?ca={ca}&cert={}&key={}", own.0, own.1);
    let alerts = read(&endpoint("localhost", &trusted));
    until("it follows", || alerts.state() == State::Following);
    let failure = |endpoint: String| {
        let error = read(&endpoint).recv_timeout(LIMIT).unwrap().unwrap_err();
        error.to_string()
    };
    for (endpoint, remedy) in [
        (endpoint("localhost", ""), "give ca=FILE"),
        (endpoint("127.0.0.1", &trusted), "the host by the name"),
        (endpoint("localhost", "?ca=/nowhere"), "cannot be read"),
    ] {
        let error = failure(endpoint);
        assert!(error.contains(remedy), "{error}");
    }
    // It hangs up on who has none, or says so after the handshake.
    let without = Check::new(Config::new(endpoint("localhost", &format!("?ca={ca}"))));
    assert!(without.run().unwrap().failed().is_some());
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
