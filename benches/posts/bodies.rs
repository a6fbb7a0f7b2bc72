//! What a byte costs in bodies of several sizes, over one connection: one alert with a long output, or many
//! alerts on lines.

use std::time::Instant;

use crate::posting::Poster;
use crate::{lines, Taker, OWN, WATCH};

const KIB: [usize; 8] = [1, 4, 16, 64, 96, 256, 512, 1024];

/// So many bytes of each size.
const BYTES: usize = 32 << 20;

const ROUNDS: usize = 5;

/// CPU and time for a byte, in nanoseconds.
type Cost = [f64; 2];

/// Makes a body of a size of lines.
type MakeBody = fn(&[String], usize) -> String;

pub fn measure(mut programs: Vec<String>) {
    if programs.is_empty() {
        programs.push(OWN.to_owned());
    }
    println!(
        "Medians of {ROUNDS} rounds, least to most: ns of CPU for a byte; ns until it is answered"
    );
    let lines = lines();
    let kinds: [(_, MakeBody); 2] = [("one alert", one_alert), ("lines", many_alerts)];
    for (kind, body) in kinds {
        for kib in KIB {
            let body = body(&lines, kib << 10);
            let mut costs = vec![Vec::new(); programs.len()];
            for _ in 0..ROUNDS {
                for (program, costs) in programs.iter().zip(&mut costs) {
                    costs.push(post(program, &body));
                }
            }
            for (program, costs) in programs.iter().zip(&mut costs) {
                let [cpu, time] = [0, 1].map(|at| {
                    let mut of: Vec<f64> = costs.iter().map(|cost: &Cost| cost[at]).collect();
                    of.sort_by(f64::total_cmp);
                    let (least, most) = (of[0], of[ROUNDS - 1]);
                    format!("{:>6.2} ({least:.2} to {most:.2})", of[ROUNDS / 2])
                });
                println!("{kind:<10} {kib:>5} KiB {cpu:<26} {time:<26} {program}");
            }
        }
    }
}

fn post(program: &str, body: &str) -> Cost {
    let taker = Taker::start(program, &WATCH);
    let mut sender = Poster::connect(&taker.address).unwrap();
    let mut send = || assert_eq!(sender.post(body).unwrap(), 200);
    (0..3).for_each(|_| send());
    // Of small ones, fewer bytes take long enough.
    let count = (BYTES / body.len()).clamp(1, 8000);
    let (cpu, begin) = (taker.cpu(), Instant::now());
    (0..count).for_each(|_| send());
    let spent = [taker.cpu() - cpu, begin.elapsed()];
    spent.map(|spent| spent.as_nanos() as f64 / (count * body.len()) as f64)
}

fn one_alert(lines: &[String], size: usize) -> String {
    let begin = "\"output\":\"";
    let longer = size.saturating_sub(lines[0].len());
    lines[0].replacen(begin, &format!("{begin}{}", "x".repeat(longer)), 1)
}

fn many_alerts(lines: &[String], size: usize) -> String {
    let mut body = lines[0].clone();
    for line in lines.iter().cycle().skip(1) {
        if body.len() + 1 + line.len() > size {
            break;
        }
        body.push('\n');
        body.push_str(line);
    }
    body
}
