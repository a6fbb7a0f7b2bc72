//! A topic of Kafka between who posts and a group of two readers: relay, broker and readers go again and
//! again, under load.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use falco_client::Alert;

use crate::common::kafka::{Cluster, Written};
use crate::common::until;
use crate::relayed::{free_address, Process};
use crate::streams::{self, post, relay, write_down};
use crate::{grouped, report, scale};

const NODES: u64 = 3;

/// How many alerts a sink sends at a time, which come twice where the relay is killed.
const BATCH: u64 = 256;

fn line(number: u64) -> String {
    let alert = crate::load::alert(0, number);
    let alert = Alert::builder()
        .without_time()
        .rule(alert.rule())
        .priority(alert.priority())
        .output(alert.output())
        .field("number", number.to_string())
        .hostname(format!("node-{}", number % NODES))
        .build();
    alert.falco_json().to_string()
}

#[test]
#[ignore = "no test, but the process of a reader that the tests start"]
fn read_topic() {
    write_down(line);
}

fn reader(endpoint: &str, path: &Path) -> Process {
    streams::reader("topics::read_topic", endpoint, path)
}

/// Goes on in each node without leaving one out. Returns how many come again.
fn assert_in_order(numbers: impl IntoIterator<Item = u64>, alerts: u64) -> u64 {
    let (mut next, mut again) = (BTreeMap::new(), 0);
    for number in numbers {
        let next = next.entry(number % NODES).or_insert(number % NODES);
        assert!(number <= *next, "{next} is missing before {number}");
        again += u64::from(number < *next);
        *next = (*next).max(number + NODES);
    }
    assert!(next.values().all(|next| *next >= alerts), "{next:?}");
    again
}

#[test]
fn topics() {
    // The mock broker keeps 5 MiB of a partition.
    let (alerts, kills) = scale((2_000, 2), (20_000, 20));
    let kafka = Cluster::start(4);
    let folder = tempfile::tempdir().unwrap();
    let from = free_address();
    let (spool, taken) = (folder.path().join("spool"), folder.path().join("taken"));
    let to = kafka.topic("");
    let endpoint = kafka.topic("?group=g&kafka.session.timeout.ms=6000");
    let mut relay_runs = Some(relay(&from, &to, &spool));
    let mut readers = [(); 2].map(|()| Some(reader(&endpoint, &taken)));
    let read = || -> Vec<u64> {
        let text = fs::read_to_string(&taken).unwrap_or_default();
        // A reader may be in the middle of a line.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().filter_map(|line| line.parse().ok()).collect()
    };
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
                // The mock broker does not outlive that it goes while its group is being divided.
                until("they keep up", || read().contains(&(number - 1)));
                kafka.mock.broker_down(1).unwrap();
            }
            at if at == between * 5 / 8 => kafka.mock.broker_up(1).unwrap(),
            at if at == between * 3 / 4 => {
                let killed = &mut readers[(number / between % 2) as usize];
                killed.take();
                *killed = Some(reader(&endpoint, &taken));
            }
            _ => {}
        }
        post(&mut poster, &from, &line(number));
    }
    let took = begin.elapsed();
    until("all have come", || {
        read().into_iter().collect::<BTreeSet<_>>().len() as u64 == alerts
    });
    // Each reader may have an alert after which it has asked for none.
    until("what was read is committed", || kafka.unread("g") <= 2);
    let again = assert_in_order(read(), alerts);
    let number = |message: Written| -> u64 {
        let text = String::from_utf8(message.value).unwrap();
        let alert = Alert::from_json(&text).unwrap();
        alert.field("number").unwrap().parse().unwrap()
    };
    let twice = assert_in_order(kafka.written().into_iter().map(number), alerts);
    assert!(twice <= BATCH * kills, "{twice} are in the topic twice");
    report(&format!(
        "{} alerts posted in {took:.1?}; relay, broker and a reader of two gone {kills} times each: \
         none lost, in order by node, {twice} twice in the topic, {again} read again",
        grouped(alerts)
    ));
    drop((relay_runs, readers));
}
