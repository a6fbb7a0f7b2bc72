//! The ratios of all runs that were kept: of each machine, and the range over them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// What the README and `docs/performance.md` tell: transport, reader, and what it is compared with.
const TOLD: [(&str, &str, &str); 6] = [
    ("unix socket", "iterator", "tonic, current-thread"),
    (
        "unix socket",
        "stream, futures::executor",
        "tonic, current-thread",
    ),
    ("unix socket", "callback", "tonic, current-thread"),
    ("unix socket", "iterator, Falco JSON", "tonic, Falco JSON"),
    ("unix socket", "iterator", "callback"),
    ("mutual TLS", "iterator", "tonic, multi-thread"),
];

#[derive(Deserialize)]
struct Kept {
    date: String,
    machine: Option<KeptMachine>,
    backlog: Vec<KeptBacklog>,
}

#[derive(Deserialize)]
struct KeptMachine {
    cpu: String,
    cores: usize,
    kernel: String,
}

#[derive(Deserialize)]
struct KeptBacklog {
    transport: String,
    #[serde(default = "free")]
    placement: String,
    readers: Vec<KeptReader>,
}

fn free() -> String {
    "free".to_owned()
}

#[derive(Deserialize)]
struct KeptReader {
    reader: String,
    runs: Vec<KeptRun>,
}

#[derive(Deserialize)]
struct KeptRun {
    alerts: f64,
    seconds: f64,
    cpu_seconds: f64,
}

impl KeptBacklog {
    /// The median over the rounds of rate and CPU of one reader through those of another.
    fn ratios(&self, reader: &str, base: &str) -> Option<[f64; 2]> {
        let find = |name| self.readers.iter().find(|row| row.reader == name);
        let (row, base) = (find(reader)?, find(base)?);
        let median = |of: fn(&KeptRun) -> f64| {
            let rounds = row.runs.iter().zip(&base.runs);
            let mut ratios: Vec<f64> = rounds.map(|(run, other)| of(run) / of(other)).collect();
            ratios.sort_by(f64::total_cmp);
            ratios.get(ratios.len() / 2).copied()
        };
        Some([
            median(|run| run.alerts / run.seconds)?,
            median(|run| run.cpu_seconds / run.alerts)?,
        ])
    }
}

pub fn show(results: &Path) {
    let mut kept: Vec<(String, Kept)> = fs::read_dir(results)
        .unwrap()
        .filter_map(|file| {
            let path = file.ok()?.path();
            let name = path.file_name()?.to_str()?.to_owned();
            // The newest run, which the charts show, is kept under its own name as well.
            if !name.ends_with(".json") || name == "results.json" {
                return None;
            }
            let text = fs::read_to_string(&path).unwrap();
            let run = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            Some((name, run))
        })
        .collect();
    kept.sort_by(|(_, a), (_, b)| a.date.cmp(&b.date));
    let mut ranges: BTreeMap<_, Vec<[f64; 2]>> = BTreeMap::new();
    println!("| run | over | placement | reader | against | alerts/s | CPU |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, run) in &kept {
        let machine = run.machine.as_ref().map_or(name.clone(), |machine| {
            format!(
                "{}, {} cores, Linux {}",
                machine.cpu, machine.cores, machine.kernel
            )
        });
        let day = run.date.split('T').next().unwrap_or_default();
        for backlog in &run.backlog {
            for told @ (transport, reader, base) in TOLD {
                if backlog.transport != transport {
                    continue;
                }
                let Some([rate, cpu]) = backlog.ratios(reader, base) else {
                    continue;
                };
                let placement = &backlog.placement;
                println!(
                    "| {machine}, {day} | {transport} | {placement} | {reader} | {base} | {rate:.2} × | {cpu:.2} × |"
                );
                ranges.entry(told).or_default().push([rate, cpu]);
            }
        }
    }
    println!("\n| over all | reader | against | runs | alerts/s | CPU |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for ((transport, reader, base), ratios) in &ranges {
        let [rate, cpu] = [0, 1].map(|at| {
            let values = ratios.iter().map(|ratio| ratio[at]);
            let least = values.clone().fold(f64::INFINITY, f64::min);
            format!("{least:.2} to {:.2} ×", values.fold(0.0, f64::max))
        });
        let runs = ratios.len();
        println!("| {transport} | {reader} | {base} | {runs} | {rate} | {cpu} |");
    }
}
