//! Reads a backlog with each reader in turn, in another order each round.

use std::collections::HashMap;
use std::path::Path;

use crate::placement::Placement;
use crate::plan::{this, Plan, Reader, Work};
use crate::process::{said, spawn, Said, Server};
use crate::proof::Proof;
use crate::ratio::Ratio;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Unix,
    MutualTls,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Transport::Unix => "unix socket",
            Transport::MutualTls => "mutual TLS",
        }
    }
}

/// One reader and all of its runs.
pub struct Row {
    pub reader: Reader,
    pub runs: Vec<Said>,
}

pub struct Backlog {
    pub transport: Transport,
    pub placement: Placement,
    pub rows: Vec<Row>,
}

/// The least, the median, and the most.
#[derive(Clone, Copy)]
pub struct Spread(pub f64, pub f64, pub f64);

impl Row {
    pub fn spread(&self, of: impl Fn(&Said) -> f64) -> Spread {
        let mut values: Vec<f64> = self.runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        Spread(
            values[0],
            values[values.len() / 2],
            values[values.len() - 1],
        )
    }

    pub fn rate(&self) -> Spread {
        self.spread(|run| run.alerts / run.seconds)
    }

    /// Seconds for a million alerts.
    pub fn cpu(&self) -> Spread {
        self.spread(|run| run.cpu * 1e6 / run.alerts)
    }
}

/// Where the ratios are not certain after the rounds, up to this many times as many are made.
const MOST: usize = 3;

pub fn run(
    plan: &Plan,
    transport: Transport,
    placement: Placement,
    work: &Path,
    random: &mut u64,
) -> Backlog {
    let mut rows: Vec<Row> = plan
        .readers()
        .into_iter()
        .filter(|reader| reader.transports.contains(&transport))
        .map(|reader| Row {
            reader,
            runs: Vec::new(),
        })
        .collect();
    let source = |name, alerts| Source::start(plan, transport, placement, work, name, alerts);
    let all = source("all", plan.alerts);
    let part = rows
        .iter()
        .any(|row| row.reader.slow)
        .then(|| source("part", plan.alerts / SLOWER));
    // JSON is proven by its length: of each form and number of alerts it is always the same.
    let mut lengths = HashMap::new();
    let is_certain = |rows: &[Row]| Ratio::all(rows).iter().all(Ratio::is_settled);
    for round in 1..=MOST * plan.rounds {
        if round > plan.rounds && is_certain(&rows) {
            break;
        }
        for at in shuffled(rows.len(), random) {
            let Row { reader, runs } = &mut rows[at];
            let name = transport.name();
            eprint!(
                "\r{name}, {}, round {round} of {}: {:<35}",
                placement.name(),
                plan.rounds,
                reader.name
            );
            let source = part.as_ref().filter(|_| reader.slow).unwrap_or(&all);
            let mut command = reader.command.clone();
            command.push(source.endpoint.clone());
            if transport == Transport::MutualTls {
                command.push(work.to_str().unwrap().to_owned());
            }
            let said = said(&command, spawn(&command, placement));
            match reader.work {
                Work::Bytes => source.proof.check_bytes(reader.name, &said),
                _ => source.proof.check(reader.name, &said),
            }
            let length = lengths.entry(reader.work).or_insert(said.written);
            assert_eq!(
                *length, said.written,
                "{} wrote something else",
                reader.name
            );
            runs.push(said);
        }
    }
    Backlog {
        transport,
        placement,
        rows,
    }
}

/// Slow readers read so much less.
const SLOWER: usize = 20;

struct Source {
    endpoint: String,
    proof: Proof,
    _server: Server,
}

impl Source {
    fn start(
        plan: &Plan,
        transport: Transport,
        placement: Placement,
        work: &Path,
        name: &str,
        alerts: usize,
    ) -> Source {
        let folder = work.to_str().unwrap();
        let endpoint = match transport {
            Transport::Unix => format!("unix://{folder}/{name}-{placement:?}.sock"),
            Transport::MutualTls => format!("localhost:{}", free_port()),
        };
        let recordings = plan.recordings.to_str().unwrap();
        let mut command = [&this(), "serve", &endpoint, &alerts.to_string(), recordings]
            .map(str::to_owned)
            .to_vec();
        if transport == Transport::MutualTls {
            command.push(folder.to_owned());
        }
        Source {
            _server: Server::start(&command, placement),
            endpoint,
            proof: Proof::of(&plan.recordings, alerts),
        }
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("localhost:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub fn shuffled(count: usize, random: &mut u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // Xorshift.
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        order.swap(last, (*random % (last as u64 + 1)) as usize);
    }
    order
}
