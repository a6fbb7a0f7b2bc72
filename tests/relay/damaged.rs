//! Relays whose spool is removed or damaged.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use falco_client::Client;

use crate::common::posting::Poster;
use crate::common::{number, until};
use crate::get_at;
use crate::spooled::free_address;
use crate::{line, recv, Rig};

/// `falco-client relay` with a spool and metrics.
struct Running {
    process: Child,
    said: Lines<BufReader<ChildStderr>>,
    source: String,
    metrics: String,
    /// What it said before it was ready.
    begin: String,
}

impl Running {
    fn start(spool: &Path, sink: &str) -> Running {
        let mut process = Command::new(env!("CARGO_BIN_EXE_falco-client"))
            .args(["relay", "--from", "listen+http://127.0.0.1:0", "--to", sink])
            .args(["--metrics", "127.0.0.1:0", "--close-within", "0", "--spool"])
            .arg(spool)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut begin = String::new();
        let mut address = |before: &str, after: &str| loop {
            let line = said.next().unwrap().unwrap();
            begin.push_str(&line);
            if let Some((_, rest)) = line.split_once(before) {
                let end = rest.find(after).unwrap_or(rest.len());
                return rest[..end].to_owned();
            }
        };
        let source = address("from listen+http://", "/");
        let metrics = address("serving http://", "/");
        Running {
            process,
            said,
            source,
            metrics,
            begin,
        }
    }

    fn post(&self, numbers: std::ops::Range<usize>) {
        let mut falco = Poster::connect(&self.source).unwrap();
        for number in numbers {
            assert_eq!(falco.post(&line(number)).unwrap(), 200);
        }
    }

    fn get(&self, path: &str) -> String {
        get_at(&self.metrics, path)
    }

    /// Ends it by a signal. Returns what it said.
    fn end(mut self, signal: &str) -> String {
        let id = self.process.id().to_string();
        let kill = Command::new("kill").args([signal, &id]).status();
        assert!(kill.unwrap().success());
        self.process.wait().unwrap();
        let rest: Vec<_> = self.said.map(Result::unwrap).collect();
        self.begin + &rest.join("\n")
    }
}

/// Takes these alerts, in this order, at the sink's address.
fn assert_arrive(address: &str, numbers: impl Iterator<Item = usize>) {
    let sink = Client::open(&format!("listen+http://{address}")).unwrap();
    let mut alerts = sink.subscribe().unwrap();
    for expected in numbers {
        assert_eq!(number(&recv(&mut alerts)), expected);
    }
}

#[test]
fn a_spool_that_is_removed_loses_no_alert_though_the_relay_is_killed() {
    let rig = Rig::set_up();
    let (spool, address) = (rig.path("spool"), free_address());
    let url = format!("http://{address}/");
    let relay = Running::start(&spool, &url);
    relay.post(0..5);
    fs::remove_dir_all(&spool).unwrap();
    relay.post(5..10);
    let health = relay.get("/healthz");
    assert!(health.contains("spool: stored anew 1 times"), "{health}");
    let metrics = relay.get("/metrics");
    assert!(
        metrics.contains("\nfalco_client_spool_rebuilt_total 1\n"),
        "{metrics}"
    );
    let said = relay.end("-KILL");
    assert!(
        said.contains("its files were removed or replaced"),
        "{said}"
    );
    assert!(
        said.contains("alerts were stored anew; none is lost"),
        "{said}"
    );
    let relay = Running::start(&spool, &url);
    assert_arrive(&address, 0..10);
    relay.end("-TERM");
}

#[test]
fn a_damaged_alert_is_kept_apart_and_a_damaged_database_is_set_aside() {
    let rig = Rig::set_up();
    let (spool, address) = (rig.path("spool"), free_address());
    let url = format!("http://{address}/");
    let relay = Running::start(&spool, &url);
    relay.post(0..10);
    let database = spool.join("spool.sqlite");
    let find = |number: usize| {
        let text = format!("\"number\":\"{number}\"");
        let bytes = fs::read(&database).unwrap();
        bytes
            .windows(text.len())
            .position(|it| it == text.as_bytes())
    };
    until("all are in the database", || {
        (0..10).all(|number| find(number).is_some())
    });
    let said = relay.end("-TERM");
    assert!(said.contains("10 alerts are left in the spool"), "{said}");

    // The log has nothing more.
    let remove_log = || {
        for end in ["wal", "shm"] {
            let _ = fs::remove_file(spool.join(format!("spool.sqlite-{end}")));
        }
    };
    remove_log();
    let mut bytes = fs::read(&database).unwrap();
    bytes[find(3).unwrap() + 2] ^= 1;
    fs::write(&database, bytes).unwrap();
    let relay = Running::start(&spool, &url);
    assert_arrive(&address, (0..10).filter(|number| *number != 3));
    until("all is confirmed", || {
        relay
            .get("/metrics")
            .contains("\nfalco_client_spool_alerts 0\n")
    });
    let metrics = relay.get("/metrics");
    assert!(
        metrics.contains("\nfalco_client_spool_damaged_total 1\n"),
        "{metrics}"
    );
    let letters = fs::read_to_string(spool.join("dead-letters.jsonl")).unwrap();
    assert_eq!(letters.lines().count(), 1, "{letters}");
    let said = relay.end("-TERM");
    assert!(said.contains("not in the spool as it was stored"), "{said}");

    remove_log();
    fs::write(&database, "no database".repeat(1000)).unwrap();
    let relay = Running::start(&spool, &url);
    assert!(
        relay.begin.contains("its database is damaged"),
        "{}",
        relay.begin
    );
    relay.post(10..12);
    assert_arrive(&address, 10..12);
    let kept = fs::read_dir(&spool)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_kept = |path: &PathBuf| {
        let path = path.display().to_string();
        path.contains("/spool.sqlite.damaged-") && path.ends_with('Z')
    };
    let kept: Vec<_> = kept.filter(is_kept).collect();
    let [kept] = &*kept else { panic!("{kept:?}") };
    let health = relay.get("/healthz");
    assert!(health.starts_with("HTTP/1.1 503 "), "{health}");
    assert!(health.contains(kept.to_str().unwrap()), "{health}");
    fs::remove_file(kept).unwrap();
    let health = relay.get("/healthz");
    assert!(!health.contains("set aside"), "{health}");
    relay.end("-TERM");
}
