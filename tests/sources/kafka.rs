//! A topic of Kafka as a source.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use falco_client::check::Check;
use falco_client::{Alerts, Client, Config, Error, State};

use crate::common::kafka::Cluster;
use crate::common::{line, next, number, numbers, until, LIMIT};
use crate::{close, read, NONE};

#[test]
fn a_topic_is_read_from_its_beginning_and_followed() {
    let kafka = Cluster::start(1);
    kafka.add(0..700);
    let endpoint = kafka.topic("?group=g");
    let mut alerts = read(&endpoint);
    for number in 0..700 {
        assert_eq!(next(&mut alerts), number);
    }
    kafka.add(700..701);
    let alert = alerts.recv_timeout(LIMIT).unwrap().unwrap();
    // Falco's own line, as it came.
    assert_eq!(alert.raw_json().unwrap(), line(700).as_bytes());
    assert_eq!(alerts.state(), State::Following);
    assert_eq!(alerts.counters().gaps, 0);
    assert_eq!(close(alerts), NONE);
    // At once, not a second later.
    assert_eq!(kafka.unread("g"), 0);
}

#[test]
fn what_a_topic_holds_is_got_at_once() {
    let kafka = Cluster::start(3);
    kafka.add(0..30);
    let client = Client::open(&kafka.topic("?group=g")).unwrap();
    let mut got = numbers(client.get().unwrap());
    got.sort_unstable();
    assert!(got.into_iter().eq(0..30));
    assert_eq!(numbers(client.get().unwrap()), NONE);
}

#[test]
fn an_alert_counts_as_read_when_the_next_one_is_asked_for() {
    let kafka = Cluster::start(1);
    kafka.add(0..10);
    let endpoint = kafka.topic("?group=g");
    let mut alerts = read(&endpoint);
    for number in 0..4 {
        assert_eq!(next(&mut alerts), number);
    }
    // 0 to 2 are read; the reader has 3.
    until("they are committed", || kafka.unread("g") == 7);
    drop(alerts);
    let mut alerts = read(&endpoint);
    for number in 3..10 {
        assert_eq!(next(&mut alerts), number);
    }
    assert_eq!(close(alerts), NONE);
    assert_eq!(kafka.unread("g"), 0);
}

#[test]
fn how_far_a_reader_is_behind_and_what_it_shares_is_counted() {
    let kafka = Cluster::start(2);
    kafka.add(0..10);
    let endpoint = kafka.topic("?group=g");
    let mut alerts = read(&endpoint);
    for _ in 0..4 {
        next(&mut alerts);
    }
    let behind = |alerts: &Alerts, partitions, lag| {
        let counters = alerts.counters();
        (counters.partitions, counters.lag) == (Some(partitions), Some(lag))
    };
    // It has the fourth, and has not asked for the fifth.
    until("it is 7 behind", || behind(&alerts, 2, 7));
    let rebalances = alerts.counters().rebalances;
    assert!(rebalances >= 1);
    let other = read(&endpoint);
    until("each has a partition", || {
        let partitions = |alerts: &Alerts| alerts.counters().partitions;
        (partitions(&alerts), partitions(&other)) == (Some(1), Some(1))
    });
    assert!(alerts.counters().rebalances > rebalances);
    assert!(other.counters().rebalances >= 1);
    kafka.add(10..20);
    until("both know of more", || {
        let lag = |alerts: &Alerts| alerts.counters().lag.unwrap_or_default();
        lag(&other) >= 5 && lag(&alerts) >= 5
    });
    drop(other);
    until("it has both again", || {
        alerts.counters().partitions == Some(2)
    });
    let nothing = read(&kafka.topic("?group=h&start=latest"));
    until("all is old", || behind(&nothing, 2, 0));
    let all = read(&kafka.topic("?group=i&kafka.fetch.min.bytes=1"));
    until("all is new", || behind(&all, 2, 20));
}

#[test]
fn with_checkpoints_what_was_processed_counts_as_read_in_any_order() {
    let kafka = Cluster::start(1);
    kafka.add(0..10);
    let endpoint = kafka.topic("?group=g");
    let mut alerts = read(&endpoint);
    let mut checkpoints = Vec::new();
    for number in 0..6 {
        assert_eq!(next(&mut alerts), number);
        checkpoints.push(alerts.checkpoint());
    }
    for checkpoint in checkpoints.split_off(4) {
        checkpoint.reach();
    }
    let mut checkpoints = checkpoints.into_iter();
    for checkpoint in checkpoints.by_ref().take(2) {
        checkpoint.reach();
    }
    // 2 and 3 are being processed, and 4 and 5 were before them.
    until("0 and 1 are committed", || kafka.unread("g") == 8);
    drop((alerts, checkpoints));
    let mut alerts = read(&endpoint);
    let mut checkpoints = Vec::new();
    for number in 2..10 {
        assert_eq!(next(&mut alerts), number);
        checkpoints.push(alerts.checkpoint());
    }
    alerts.handle().close();
    let process = std::thread::spawn(|| {
        for checkpoint in checkpoints.into_iter().rev() {
            checkpoint.reach();
        }
    });
    // The sequence ends once all are processed.
    assert_eq!(numbers(alerts), NONE);
    process.join().unwrap();
    assert_eq!(kafka.unread("g"), 0);
}

#[test]
fn a_broker_that_goes_and_comes_back_is_outlived() {
    let kafka = Cluster::start(1);
    kafka.add(0..3);
    let mut alerts = read(&kafka.topic("?group=g"));
    assert_eq!(next(&mut alerts), 0);
    kafka.mock.broker_down(1).unwrap();
    until(
        "it waits",
        || matches!(alerts.state(), State::Waiting { ref why, .. } if why.contains("no broker can be reached")),
    );
    kafka.mock.broker_up(1).unwrap();
    kafka.add(3..5);
    // What was not committed comes again where the group has missed this reader.
    let mut expected = 1;
    while expected < 5 {
        let number = next(&mut alerts);
        assert!(number <= expected, "{expected} is missing before {number}");
        expected = expected.max(number + 1);
    }
    until("it follows", || alerts.state() == State::Following);
    assert!(alerts.counters().reconnects >= 1);
    // The group may take the partition from it only now, and give it back.
    until("all is committed", || {
        while alerts.recv_timeout(Duration::ZERO).is_ok() {}
        kafka.unread("g") == 0
    });
    assert_eq!(close(alerts), NONE);
    assert_eq!(kafka.unread("g"), 0);
}

#[test]
fn readers_of_a_group_share_its_partitions_while_they_come_and_go() {
    let kafka = Cluster::start(4);
    let (sender, all) = mpsc::channel();
    let watch = |name: &'static str| {
        let sender = sender.clone();
        let callback = move |alert: falco_client::Result<_>| {
            sender.send((name, number(&alert.unwrap()))).unwrap();
            ControlFlow::Continue(())
        };
        let client = Client::open(&kafka.topic("?group=g")).unwrap();
        client.subscribe_with(callback).unwrap()
    };
    let first = watch("a");
    kafka.add(0..40);
    let take = |count: usize| -> Vec<_> {
        (0..count)
            .map(|_| all.recv_timeout(LIMIT).unwrap())
            .collect()
    };
    let mut got = take(40);
    let second = watch("b");
    // Until both have a share, each round is read by one or by two.
    let mut end = 40;
    until("both have a share", || {
        kafka.add(end..end + 8);
        end += 8;
        let round = take(8);
        let names: Vec<_> = round.iter().map(|(name, _)| *name).collect();
        got.extend(round);
        names.contains(&"a") && names.contains(&"b")
    });
    first.handle().close();
    first.wait().unwrap();
    kafka.add(end..end + 40);
    let rest = take(40);
    assert!(rest.iter().all(|(name, _)| *name == "b"));
    got.extend(rest);
    second.handle().close();
    second.wait().unwrap();
    let mut numbers: Vec<_> = got.into_iter().map(|(_, number)| number).collect();
    numbers.extend(all.try_iter().map(|(_, number)| number));
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.into_iter().eq(0..end + 40));
    assert_eq!(kafka.unread("g"), 0);
}

#[test]
fn what_is_no_alert_is_an_error_and_the_next_one_follows() {
    let kafka = Cluster::start(1);
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(100_000));
    let last = line(2);
    let values: [&[u8]; 5] = [
        b"text",
        b"\xff\x00{",
        large.as_bytes(),
        b"",
        last.as_bytes(),
    ];
    kafka.write(values.map(|value| (0, value.to_vec())));
    let config = Config::new(kafka.topic("?group=g")).max_message_bytes(50_000);
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    let mut errors = 0;
    let last = loop {
        match alerts.recv_timeout(LIMIT).unwrap() {
            Ok(alert) => break number(&alert),
            Err(Error::TooLarge { .. } | Error::Undecodable { .. }) => errors += 1,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!((errors, last), (4, 2));
    assert_eq!(close(alerts), NONE);
    assert_eq!(kafka.unread("g"), 0);
}

#[test]
fn a_reader_without_room_stays_in_its_group_and_loses_nothing() {
    let kafka = Cluster::start(2);
    kafka.add(0..200);
    let config = Config::new(kafka.topic("?group=g")).queue_bytes(1);
    let mut alerts = Client::new(config).unwrap().subscribe().unwrap();
    let mut got = vec![next(&mut alerts)];
    // Longer than a member may be silent.
    std::thread::sleep(Duration::from_secs(12));
    while got.len() < 200 {
        got.push(next(&mut alerts));
    }
    got.sort_unstable();
    assert!(got.into_iter().eq(0..200));
    assert_eq!(close(alerts), NONE);
    assert_eq!(kafka.unread("g"), 0);
}

/// Tells the process of a reader what to read and what to write into.
const READER: &str = "FALCO_CLIENT_KAFKA_READER";

#[test]
#[ignore = "no test, but the process of a reader that a test starts"]
fn reader() {
    let Ok(text) = env::var(READER) else { return };
    let (endpoint, path) = text.split_once(' ').unwrap();
    let mut taken = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    for alert in read(endpoint) {
        let number = number(&alert.unwrap());
        taken.write_all(format!("{number}\n").as_bytes()).unwrap();
    }
}

#[test]
fn a_reader_that_is_killed_gets_again_what_it_had_not_read() {
    let kafka = Cluster::start(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken");
    let taken = || -> Vec<usize> {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| line.parse().unwrap()).collect()
    };
    let endpoint = kafka.topic("?group=g&kafka.session.timeout.ms=6000");
    for round in 1..=3 {
        let start = || {
            Command::new(env::current_exe().unwrap())
                .args(["kafka::reader", "--exact", "--ignored"])
                .env(READER, format!("{endpoint} {}", path.display()))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        };
        let mut reader = start();
        kafka.add((round - 1) * 500..round * 500);
        // While it reads, or soon after that.
        until("it reads", || taken().contains(&(round * 500 - 400)));
        reader.kill().unwrap();
        reader.wait().unwrap();
    }
    let mut alerts = read(&endpoint);
    let mut rest = Vec::new();
    while rest.last() != Some(&1499) {
        rest.push(next(&mut alerts));
    }
    let mut all = taken();
    // From one start to the next nothing is left out.
    let mut expected = 0;
    for number in all.iter().chain(&rest) {
        assert!(*number <= expected, "{expected} is missing before {number}");
        expected = expected.max(number + 1);
    }
    all.extend(rest);
    assert_eq!(expected, 1500);
    assert_eq!(close(alerts), NONE);
    assert_eq!(kafka.unread("g"), 0);
}

#[test]
fn what_is_wrong_is_said() {
    let kafka = Cluster::start(2);
    kafka.add(0..10);
    let report = |endpoint: &str| Check::new(Config::new(endpoint)).run().unwrap().to_string();
    let good = report(&kafka.topic("?group=g"));
    assert!(good.contains("the topic alerts has 2 partitions"), "{good}");
    assert!(good.contains("the group g has read nothing yet"), "{good}");
    let got = Client::open(&kafka.topic("?group=g"))
        .unwrap()
        .get()
        .unwrap();
    assert_eq!(numbers(got).len(), 10);
    kafka.add(10..13);
    let good = report(&kafka.topic("?group=g"));
    assert!(good.contains("the group g has 3 alerts to read"), "{good}");

    let port = crate::common::redis::free_port();
    let nobody = report(&format!("kafka://127.0.0.1:{port}/alerts?group=g"));
    assert!(nobody.contains("nothing listens there"), "{nobody}");
    let error = Client::open(&format!("kafka://127.0.0.1:{port}/alerts?group=g"))
        .unwrap()
        .get()
        .unwrap()
        .recv_timeout(LIMIT)
        .unwrap()
        .unwrap_err();
    let reason = format!("no broker can be reached (127.0.0.1:{port}: Connection refused);");
    assert!(error.to_string().contains(&reason), "{error}");
    let option = report(&kafka.topic("?group=g&kafka.linger=5&kafka.ssl.key.password=hush"));
    assert!(option.contains("kafka.linger is refused"), "{option}");
    assert!(!option.contains("hush"), "{option}");
    let tls = kafka.topic("?group=g").replace("kafka://", "kafkas://");
    let tls = report(&tls);
    assert!(tls.contains("TLS") || tls.contains("tls"), "{tls}");
    let error = Client::open(&kafka.topic("?group=g&kafka.linger=5"))
        .unwrap()
        .subscribe()
        .unwrap()
        .recv_timeout(LIMIT)
        .unwrap()
        .unwrap_err();
    assert!(
        error.to_string().contains("kafka.linger is refused"),
        "{error}"
    );
}
