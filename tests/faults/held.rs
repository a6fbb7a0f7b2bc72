//! What a process holds, by Linux's count.

use std::fs;
use std::time::Duration;

/// What a process has of what could leak.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub threads: usize,
    pub descriptors: usize,
    pub kilobytes: u64,
}

pub fn held(process: u32) -> Held {
    let count = |folder| {
        fs::read_dir(format!("/proc/{process}/{folder}"))
            .unwrap()
            .count()
    };
    Held {
        threads: count("task"),
        descriptors: count("fd"),
        kilobytes: resident(process),
    }
}

/// Resident memory, in KiB.
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    resident.trim_end_matches("kB").trim().parse().unwrap()
}

/// What all of its threads have used of a CPU.
pub fn cpu(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name before may hold anything, but no later parenthesis follows.
    let numbers = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks: u64 = numbers
        .skip(11)
        .take(2)
        .map(|n| n.parse::<u64>().unwrap())
        .sum();
    // Linux counts in hundredths of a second for user space, whatever its own clock.
    Duration::from_millis(ticks * 10)
}
