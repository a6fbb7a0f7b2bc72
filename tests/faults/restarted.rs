//! What a relay finds in its spool at its start: a log that was damaged, and alerts for a sink that is not
//! named any more.

use std::fs;
use std::process::Stdio;

use crate::common::until;
use crate::relayed::{command, free_address, numbers, relay, sink, Insistent, Process};
use crate::spools::{asked, assert_whole, end, line};
use crate::{grouped, report, scale, Random};

/// The log of a relay that was killed is damaged or cut.
#[test]
fn spool_log_damaged() {
    let (rounds, alerts) = scale((4, 60), (150, 200));
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let (from, to, metrics) = (free_address(), free_address(), free_address());
    let (mut damaged, mut delivered) = (0, 0);
    for round in 0..rounds {
        let spool = folder.path().join(format!("spool-{round}"));
        let taken = folder.path().join(format!("taken-{round}"));
        let runs = relay(&from, &to, &spool);
        let mut falco = Insistent::new(&from);
        for number in 0..alerts {
            falco.post(&line(number));
        }
        drop(runs);
        let log = spool.join("spool.sqlite-wal");
        let mut bytes = fs::read(&log).unwrap();
        let at = random.below(bytes.len() as u64) as usize;
        match round % 3 {
            0 => bytes.truncate(at),
            1 => bytes[at..].iter_mut().take(512).for_each(|byte| *byte = 0),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        fs::write(&log, bytes).unwrap();
        let sink_runs = sink(&to, &taken);
        let runs = command(&from, &to, &spool)
            .args(["--metrics", &metrics])
            .spawn();
        let runs = Process(runs.unwrap());
        until("all that is there is delivered", || {
            asked(&metrics, "/healthz").contains("ok, 0 waiting")
        });
        let values = asked(&metrics, "/metrics");
        let value = values
            .lines()
            .find_map(|line| line.strip_prefix("falco_client_spool_damaged_total "));
        let lost: u64 = value.unwrap().parse().unwrap();
        let numbers = numbers(&taken);
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert_eq!(numbers.len() as u64 + lost, alerts, "damaged at {at}");
        damaged += lost;
        delivered += numbers.len() as u64;
        drop((runs, sink_runs));
        fs::remove_dir_all(spool).unwrap();
    }
    report(&format!(
        "{} alerts, relay killed {rounds} times and its log damaged or cut at a random byte: {} delivered, \
         {damaged} lost, all of them counted",
        grouped(rounds * alerts),
        grouped(delivered)
    ));
}

/// A sink for which alerts wait is left out, forgotten and named again.
#[test]
fn sink_forgotten() {
    let (rounds, alerts) = scale((4, 30), (60, 200));
    let folder = tempfile::tempdir().unwrap();
    let (from, to, away) = (free_address(), free_address(), free_address());
    let metrics = free_address();
    let path = |name: &str| folder.path().join(name);
    let (spool, taken, late) = (path("spool"), path("taken"), path("late"));
    let second = format!("http://{away}/");
    let with = |option: &str| {
        let mut runs = command(&from, &to, &spool);
        runs.args([option, &second, "--metrics", &metrics]);
        Process(runs.spawn().unwrap())
    };
    // Otherwise a sink that is new gets what another one has not confirmed.
    let all_is_confirmed = |sinks: usize| {
        let health = asked(&metrics, "/healthz");
        health.matches(", 0 waiting").count() == sinks
    };
    let sink_runs = sink(&to, &taken);
    let mut falco = Insistent::new(&from);
    let (mut expected, mut forgotten) = (Vec::new(), 0);
    for round in 0..rounds {
        let mine = round * alerts..(round + 1) * alerts;
        let runs = with("--to");
        mine.clone().for_each(|number| falco.post(&line(number)));
        until("the first sink has all", || {
            numbers(&taken).last() == Some(&(mine.end - 1))
        });
        match round % 4 < 2 {
            true => drop(runs),
            false => end(runs),
        }
        let refused = command(&from, &to, &spool)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{said}");
        let why = format!("holds {alerts} alerts for {second}");
        assert!(said.contains(&why), "{said}");
        if round % 2 == 0 {
            let runs = with("--forget");
            until("nothing is left", || all_is_confirmed(1));
            end(runs);
            forgotten += alerts;
        } else {
            let late_runs = sink(&away, &late);
            let runs = with("--to");
            until("the second sink has what waited", || {
                numbers(&late).last() == Some(&(mine.end - 1))
            });
            until("it is confirmed", || all_is_confirmed(2));
            end(runs);
            drop(late_runs);
            expected.extend(mine);
        }
    }
    let again = assert_whole(&numbers(&taken), 0..rounds * alerts);
    let again = again + assert_whole(&numbers(&late), expected.into_iter());
    report(&format!(
        "{} alerts to a sink that takes them, and one that is away, left out {rounds} times: refused each time \
         with the number that waits; {} dropped when told, the others delivered, {again} again",
        grouped(rounds * alerts),
        grouped(forgotten)
    ));
    drop(sink_runs);
}
