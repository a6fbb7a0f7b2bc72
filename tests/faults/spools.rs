//! What becomes of alerts in a spool on disk whose folder goes, whose bytes change, or whose disk is full.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{until, LIMIT};
use crate::load::alert;
use crate::relayed::{command, free_address, numbers, relay, sink, Insistent, Process};
use crate::{grouped, report, scale, Random};

pub fn line(number: u64) -> String {
    alert(0, number).falco_json().to_string()
}

/// Ends a relay in order, and waits for it.
pub fn end(mut relay: Process) {
    let id = relay.0.id().to_string();
    assert!(Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap()
        .success());
    relay.0.wait().unwrap();
}

/// Each number at least once, and a new one only after all before it. Returns how many came again.
pub fn assert_whole(numbers: &[u64], expected: impl Iterator<Item = u64>) -> u64 {
    let mut expected = expected.peekable();
    let mut again = 0;
    for number in numbers {
        match expected.next_if_eq(number) {
            Some(_) => {}
            None if expected.peek().is_none_or(|next| number < next) => again += 1,
            None => panic!("{:?} is missing before {number}", expected.peek()),
        }
    }
    assert_eq!(expected.next(), None, "is missing");
    again
}

#[test]
fn spool_removed() {
    let (rounds, between) = scale((4, 50), (200, 200));
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (free_address(), free_address());
    let (spool, taken) = (folder.path().join("spool"), folder.path().join("taken"));
    let mut relay_runs = Some(relay(&from, &to, &spool));
    let mut sink_runs = None;
    let mut falco = Insistent::new(&from);
    let mut number = 0;
    let mut post = |falco: &mut Insistent, count: u64| {
        for _ in 0..count {
            falco.post(&line(number));
            number += 1;
        }
        number
    };
    let begin = Instant::now();
    for round in 0..rounds {
        post(&mut falco, between);
        match round % 3 {
            0 => fs::remove_dir_all(&spool).unwrap(),
            1 => fs::rename(&spool, folder.path().join(format!("moved-{round}"))).unwrap(),
            _ => fs::remove_file(spool.join("spool.sqlite")).unwrap(),
        }
        // Answered, so that all is stored again.
        post(&mut falco, 1);
        if round % 2 == 1 {
            relay_runs.take();
            relay_runs = Some(relay(&from, &to, &spool));
        }
        sink_runs = match sink_runs {
            None => Some(sink(&to, &taken)),
            Some(_) => None,
        };
    }
    let alerts = post(&mut falco, between);
    let sink_runs = sink_runs.or_else(|| Some(sink(&to, &taken)));
    until("the last has come", || {
        numbers(&taken).last() == Some(&(alerts - 1))
    });
    let again = assert_whole(&numbers(&taken), 0..alerts);
    report(&format!(
        "{} alerts in {:.1?}; folder or database removed or moved {rounds} times, relay and sink killed \
         {} times each: none lost, {again} again",
        grouped(alerts),
        begin.elapsed(),
        rounds / 2
    ));
    drop((relay_runs, sink_runs));
}

#[test]
fn spool_damaged() {
    let (rounds, alerts) = scale((3, 40), (150, 200));
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (free_address(), free_address());
    let (spool, taken) = (folder.path().join("spool"), folder.path().join("taken"));
    let database = spool.join("spool.sqlite");
    let mut damaged = Vec::new();
    for round in 0..rounds {
        let runs = relay(&from, &to, &spool);
        let mut falco = Insistent::new(&from);
        for number in round * alerts..(round + 1) * alerts {
            falco.post(&line(number));
        }
        // Its end writes everything into the database.
        end(runs);
        for end in ["-wal", "-shm"] {
            let log = spool.join(format!("spool.sqlite{end}"));
            assert!(
                fs::metadata(&log).map_or(0, |log| log.len()) == 0 || fs::remove_file(&log).is_ok()
            );
        }
        let number = round * alerts + random.below(alerts);
        let mut bytes = fs::read(&database).unwrap();
        let text = format!("\"number\":\"{number}\"");
        let windows = bytes.windows(text.len()).enumerate();
        // SQLite leaves copies behind where it has moved rows to other pages.
        let copies: Vec<_> = windows
            .filter_map(|(at, it)| (it == text.as_bytes()).then_some(at))
            .collect();
        assert!(!copies.is_empty());
        let bit = 1 << random.below(8);
        for at in copies {
            bytes[at + 2] ^= bit;
        }
        fs::write(&database, bytes).unwrap();
        damaged.push(number);
        let sink_runs = sink(&to, &taken);
        let runs = relay(&from, &to, &spool);
        let whole = |number: &u64| !damaged.contains(number);
        let last = (0..(round + 1) * alerts).rfind(whole).unwrap();
        until("the last has come", || {
            numbers(&taken).last() == Some(&last)
        });
        drop(sink_runs);
        end(runs);
    }
    let expected = (0..rounds * alerts).filter(|number| !damaged.contains(number));
    let again = assert_whole(&numbers(&taken), expected);
    let letters = fs::read_to_string(spool.join("dead-letters.jsonl")).unwrap();
    assert_eq!(letters.lines().count() as u64, rounds);
    report(&format!(
        "{} alerts, one of each {alerts} damaged on disk: {rounds} dead letters, all others delivered, \
         {again} again",
        grouped(rounds * alerts)
    ));
}

/// A GET to a relay's metrics. Empty where nobody answers.
pub fn asked(metrics: &str, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(metrics) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.read_to_string(&mut answer);
    }
    answer
}

/// A disk of its own. It is unmounted when it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: &Path, size: &str) -> Disk {
        let disk = folder.join("disk");
        fs::create_dir(&disk).unwrap();
        let mut mount = Command::new("mount");
        mount.args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={size},mode=0700"),
            "tmpfs",
        ]);
        let mounted = mount.arg(&disk).status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "mount needs root"
        );
        Disk(disk)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A disk that is full before the spool is.
#[test]
#[ignore = "needs root: script/soak disk_full"]
fn disk_full() {
    let rounds = scale(1, 20);
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(folder.path(), "48m");
    let (from, to, metrics) = (free_address(), free_address(), free_address());
    let (spool, taken) = (disk.0.join("spool"), folder.path().join("taken"));
    let runs = command(&from, &to, &spool)
        .args(["--metrics", &metrics])
        .spawn();
    let runs = Process(runs.unwrap());
    let health = || asked(&metrics, "/healthz");
    let mut falco = Insistent::new(&from);
    let (mut number, mut held) = (0, Duration::ZERO);
    for round in 0..rounds {
        let mut sink_runs = None;
        let begin = Instant::now();
        while sink_runs.is_none() {
            assert!(begin.elapsed() < LIMIT, "the disk is not full");
            // Large ones fill it soon.
            let large = line(number).replacen(
                "\"tags\":",
                &format!("\"padding\":\"{}\",\"tags\":", "p".repeat(60_000)),
                1,
            );
            assert!(large.len() > 60_000);
            if health().contains("its disk is nearly full") {
                assert!(health().starts_with("HTTP/1.1 503 "));
                let wait = Instant::now();
                // Held up until there is room again.
                sink_runs = std::thread::scope(|scope| {
                    let post = scope.spawn(|| falco.post(&large));
                    std::thread::sleep(Duration::from_secs(1));
                    assert!(
                        !post.is_finished(),
                        "it is not answered while there is no room"
                    );
                    let sink_runs = sink(&to, &taken);
                    post.join().unwrap();
                    Some(sink_runs)
                });
                held += wait.elapsed();
            } else {
                falco.post(&large);
            }
            number += 1;
        }
        until("all have come", || {
            numbers(&taken).last() == Some(&(number - 1))
        });
        until("health is well again", || {
            health().starts_with("HTTP/1.1 200 ")
        });
        drop(sink_runs);
        let free = rustix::fs::statvfs(&disk.0).unwrap();
        let free = (free.f_bavail * free.f_frsize) >> 20;
        assert!(free > 16, "{free} MiB are free in round {round}");
    }
    let again = assert_whole(&numbers(&taken), 0..number);
    assert_eq!(falco.repeated, 0);
    report(&format!(
        "{} alerts of 60 KB, a disk of 48 MiB full {rounds} times, posts held up for {held:.1?} in all: none \
         lost, in order, {again} again, space given back each time",
        grouped(number)
    ));
    drop(runs);
}
