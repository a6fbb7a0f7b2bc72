//! Subscribes with each reader in turn while the embedded Falco emits alerts at irregular times.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::placement::Placement;
use crate::plan::{Part, Plan};
use crate::process::{cpu, said, spawn, Said, Server};
use crate::proof::Proof;
use crate::rounds::shuffled;

/// How alerts come: what the emitter is told, the number of alerts, and what is said of it.
const SCENES: [(&str, usize, &str); 4] = [
    ("1", 20, "1 alert/s"),
    ("100", 2_000, "100 alerts/s"),
    ("5000", 50_000, "5,000 alerts/s"),
    ("burst", 500, "500 after 30 s of silence"),
];

/// The silence before a burst, of which these many seconds count as idle.
const IDLE: (u64, u64) = (5, 28);

pub struct Scene {
    pub name: &'static str,
    pub alerts: usize,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: &'static str,
    pub said: Said,
    /// Shares of one core: the client's and the server's.
    pub cpu: [f64; 2],
    /// The same during the silence before a burst.
    pub idle: Option<[f64; 2]>,
}

pub fn run(plan: &Plan, work: &Path, random: &mut u64) -> Vec<Scene> {
    let part = |rate| match rate {
        "burst" => Part::Burst,
        _ => Part::Rates,
    };
    SCENES
        .into_iter()
        .filter(|(rate, ..)| plan.has(part(*rate)))
        .map(|(rate, alerts, name)| {
            let proof = Proof::of(&plan.recordings, alerts);
            let subscribers = plan.subscribers();
            let mut rows: Vec<(usize, Row)> = shuffled(subscribers.len(), random)
                .into_iter()
                .map(|at| {
                    let (reader, command) = subscribers[at].clone();
                    eprint!("\r{:<70}", format!("{name}: {reader}"));
                    let row = watch(plan, work, rate, alerts, reader, command);
                    proof.check(reader, &row.said);
                    (at, row)
                })
                .collect();
            rows.sort_by_key(|(at, _)| *at);
            Scene {
                name,
                alerts,
                rows: rows.into_iter().map(|(_, row)| row).collect(),
            }
        })
        .collect()
}

fn watch(
    plan: &Plan,
    work: &Path,
    rate: &str,
    alerts: usize,
    name: &'static str,
    mut command: Vec<String>,
) -> Row {
    let endpoint = format!("unix://{}/falco.sock", work.display());
    let server = Server::start(&plan.emitter(&endpoint, rate, alerts), Placement::Free);
    command.extend([endpoint, alerts.to_string()]);
    let begin = Instant::now();
    let before = cpu(&server.id());
    let reader = spawn(&command, Placement::Free);
    let idle = (rate == "burst").then(|| {
        let ids = [reader.id().to_string(), server.id()];
        let used = || ids.clone().map(|id| cpu(&id));
        sleep(Duration::from_secs(IDLE.0));
        let before = used();
        sleep(Duration::from_secs(IDLE.1 - IDLE.0));
        let after = used();
        [0, 1].map(|at| (after[at] - before[at]) / (IDLE.1 - IDLE.0) as f64)
    });
    let said = said(&command, reader);
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = [said.cpu, cpu(&server.id()) - before].map(|used| used / seconds);
    Row {
        name,
        said,
        cpu,
        idle,
    }
}
