//! A stream of Redis between who posts and who reads: relay, server and reader are killed again and
//! again.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use falco_client::Client;

use crate::common::posting::Poster;
use crate::common::redis::RedisServer;
use crate::common::{until, LIMIT};
use crate::load::alert;
use crate::relayed::{free_address, Process};
use crate::{grouped, report, scale};

/// Tells the process of a reader what to read and what to write into.
const READER: &str = "FALCO_CLIENT_READER";

#[test]
#[ignore = "no test, but the process of a reader that the tests start"]
fn read() {
    write_down(|number| alert(0, number).falco_json().to_string());
}

/// Reads what the process was told to, and writes down the number of each alert before it asks for the next one. Each has
/// to be as it was sent.
pub fn write_down(sent: impl Fn(u64) -> String) {
    let Ok(text) = env::var(READER) else { return };
    let (endpoint, path) = text.split_once(' ').unwrap();
    let mut read = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    for alert in Client::open(endpoint).unwrap().subscribe().unwrap() {
        let received = alert.unwrap();
        let number = received.field("number").unwrap().parse().unwrap();
        assert_eq!(received.raw_json(), Some(sent(number).as_bytes()));
        read.write_all(format!("{number}\n").as_bytes()).unwrap();
    }
}

/// Starts the process of a reader, which is this test.
pub fn reader(test: &str, endpoint: &str, path: &Path) -> Process {
    let child = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--ignored"])
        .env(READER, format!("{endpoint} {}", path.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    Process(child.unwrap())
}

pub fn relay(from: &str, to: &str, spool: &Path) -> Process {
    let child = Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(["relay", "--from", &format!("listen+http://{from}")])
        .args(["--to", to, "--spool", spool.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Process(child.unwrap())
}

/// Posts until it is taken, whoever is killed meanwhile.
pub fn post(poster: &mut Option<Poster>, address: &str, line: &str) {
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < LIMIT, "nobody takes it");
        if poster.is_none() {
            *poster = Poster::connect(address).ok();
        }
        match poster.as_mut().map(|poster| poster.post(line)) {
            Some(Ok(200)) => return,
            Some(Ok(status)) => panic!("{status}"),
            Some(Err(_)) => *poster = None,
            None => std::thread::yield_now(),
        }
    }
}

#[test]
fn streams() {
    let (alerts, kills) = scale((4_000, 2), (100_000, 20));
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let from = free_address();
    let (spool, taken) = (folder.path().join("spool"), folder.path().join("taken"));
    let (to, endpoint) = (redis.stream(""), redis.stream("?group=g&consumer=a"));
    let mut relay_runs = Some(relay(&from, &to, &spool));
    let mut reader_runs = Some(reader("streams::read", &endpoint, &taken));
    let mut poster = None;
    let begin = Instant::now();
    let between = alerts / kills;
    for number in 0..alerts {
        match number % between {
            at if at == between / 4 => {
                relay_runs.take();
                relay_runs = Some(relay(&from, &to, &spool));
            }
            at if at == between / 2 => {
                redis.kill();
                redis.restart();
            }
            at if at == between * 3 / 4 => {
                reader_runs.take();
                reader_runs = Some(reader("streams::read", &endpoint, &taken));
            }
            _ => {}
        }
        post(
            &mut poster,
            &from,
            &alert(0, number).falco_json().to_string(),
        );
    }
    let posted = begin.elapsed();
    let numbers = || -> Vec<u64> {
        let text = fs::read_to_string(&taken).unwrap_or_default();
        // The reader may be in the middle of a line, or may have been.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().filter_map(|line| line.parse().ok()).collect()
    };
    until("the last has come", || {
        numbers().last() == Some(&(alerts - 1))
    });
    until("all is acknowledged but the last", || {
        redis.pending("g") <= 1
    });

    // What comes again is a run of alerts, from a place that was read before: a killed process begins
    // again at what was not confirmed to it. Another one that is killed meanwhile repeats such a run.
    let (mut next, mut before, mut again, mut runs) = (0, None, 0, 0);
    for number in numbers() {
        assert!(number <= next, "{next} is missing before {number}");
        again += u64::from(number < next);
        runs += u64::from(number > 0 && before != Some(number - 1));
        next = next.max(number + 1);
        before = Some(number);
    }
    assert!(runs <= 6 * kills, "{runs} runs come again");
    assert_eq!(next, alerts);
    report(&format!(
        "{} alerts posted in {posted:.1?}; relay, Redis and reader killed {kills} times each: none \
         lost, in order, {again} again",
        grouped(alerts)
    ));
    drop((relay_runs, reader_runs));
}
