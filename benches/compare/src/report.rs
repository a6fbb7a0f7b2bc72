//! The tables, and every run as JSON.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::machine::Machine;
use crate::plan::Plan;
use crate::ratio::Ratio;
use crate::rounds::{Backlog, Row, Spread};
use crate::subscriptions::Scene;

/// With what all others are compared.
const BASE: &str = "tonic, current-thread";

pub fn print(plan: &Plan, machine: &Machine, backlogs: &[Backlog], scenes: &[Scene]) {
    println!("{:.1} % stolen meanwhile\n", machine.stolen_since() * 100.0);
    for backlog in backlogs {
        let rounds = backlog.rows.first().map_or(0, |row| row.runs.len());
        println!(
            "{} alerts over {}, {}, medians of {rounds} rounds:\n",
            plan.alerts,
            backlog.transport.name(),
            backlog.placement.name(),
        );
        println!(
            "| reader | alerts/s | | least to most | CPU s per million | | peak MiB | switches |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
        let base = backlog.rows.iter().find(|row| row.reader.name == BASE);
        let base = base.unwrap();
        for row in &backlog.rows {
            let Spread(least, rate, most) = row.rate();
            let cpu = row.cpu().1;
            println!(
                "| {} | {} | {:.2} × | {} to {} | {cpu:.2} | {:.2} × | {:.1} | {:.0} |",
                row.reader.name,
                thousands(rate),
                rate / base.rate().1,
                thousands(least),
                thousands(most),
                cpu / base.cpu().1,
                row.spread(|run| run.peak_mib).1,
                row.spread(|run| run.switches).1,
            );
        }
        println!();
        println!("| of each round | against | alerts/s | least to most | CPU | least to most | settled |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for ratio in Ratio::all(&backlog.rows) {
            ratio.print();
        }
        println!();
    }
    for scene in scenes {
        println!("`sub`, {}:\n", scene.name);
        println!("| reader | p50 ms | p99 | p99.9 | most | longest gap | CPU client | server | idle client | server |");
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for row in &scene.rows {
            let late = [0, 1, 2, 3, 4].map(|at| told(row.said.late, scene.alerts, at));
            let [client, server] = row.cpu.map(|share| share * 100.0);
            let idle = row.idle.map_or("| ".to_owned(), |idle| {
                let [client, server] = idle.map(|share| share * 100.0);
                format!("{client:.2} % | {server:.2} %")
            });
            println!(
                "| {} | {} | {client:.2} % | {server:.2} % | {idle} |",
                row.name,
                late.join(" | "),
            );
        }
        println!();
    }
}

/// Three digits are what such a figure is worth.
pub fn thousands(rate: f64) -> String {
    match (rate / 1000.0).round() as u64 {
        0 => format!("{rate:.0}"),
        thousands @ 1..1000 => format!("{thousands},000"),
        thousands => format!("{},{:03},000", thousands / 1000, thousands % 1000),
    }
}

/// A percentile in milliseconds, if so many alerts tell it.
pub fn told(late: [f64; 5], alerts: usize, at: usize) -> String {
    match alerts >= [1, 200, 2000, 1, 1][at] {
        true => format!("{:.1}", late[at] / 1000.0),
        false => "–".to_owned(),
    }
}

/// As `results.json`, and a whole run among those that are kept, under the machine's name and the time.
pub fn write(
    folder: &Path,
    results: &Path,
    machine: &Machine,
    plan: &Plan,
    backlogs: &[Backlog],
    scenes: &[Scene],
) {
    let run = |row: &Row| {
        let runs = row.runs.iter().map(|run| {
            json!({
                "alerts": run.alerts,
                "seconds": run.seconds,
                "cpu_seconds": run.cpu,
                "peak_mib": run.peak_mib,
                "context_switches": run.switches,
            })
        });
        json!({ "reader": row.reader.name, "runs": runs.collect::<Vec<_>>() })
    };
    let backlogs = backlogs.iter().map(|backlog| {
        let rows: Vec<_> = backlog.rows.iter().map(run).collect();
        json!({
            "transport": backlog.transport.name(),
            "placement": backlog.placement.name(),
            "readers": rows,
        })
    });
    let scenes = scenes.iter().map(|scene| {
        let rows = scene.rows.iter().map(|row| {
            let [p50, p99, p999, most, gap] = row.said.late;
            json!({
                "reader": row.name,
                "microseconds": { "p50": p50, "p99": p99, "p99.9": p999, "most": most, "longest_gap": gap },
                "cpu_share": { "client": row.cpu[0], "server": row.cpu[1] },
                "idle_cpu_share": row.idle.map(|[client, server]| json!({ "client": client, "server": server })),
                "peak_mib": row.said.peak_mib,
            })
        });
        json!({ "alerts": scene.name, "readers": rows.collect::<Vec<_>>() })
    });
    let now = jiff::Timestamp::now();
    let all = json!({
        "date": now.to_string(),
        "machine": machine.json(),
        "alerts": plan.alerts,
        "rounds": plan.rounds,
        "backlog": backlogs.collect::<Vec<_>>(),
        "subscription": scenes.collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&all).unwrap() + "\n";
    fs::write(folder.join("results.json"), &text).unwrap();
    if plan.is_whole() && !machine.is_busy() {
        let own = format!("{}-{}.json", machine.name(), now.as_second());
        fs::write(results.join(own), &text).unwrap();
    }
}
