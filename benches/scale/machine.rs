//! The machine, and what a process has used of it.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{getrlimit, setrlimit, Resource};

/// As far as the system allows without privileges.
pub fn raise_open_files() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    }
}

pub fn print() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let mut models = cpus.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim())
    });
    println!(
        "{}, {} cores; Linux {}; load before {}",
        models.next().unwrap_or("unknown CPU"),
        std::thread::available_parallelism().map_or(0, |cores| cores.get()),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").split(' ').next().unwrap_or_default(),
    );
}

/// What a process has used so far.
#[derive(Clone, Copy)]
pub struct Used {
    pub cpu: Duration,
    /// Now, in MiB.
    pub memory: f64,
    pub threads: usize,
}

pub fn used(process: u32) -> Used {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let numbers = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let numbers: Vec<u64> = numbers.skip(11).map_while(|n| n.parse().ok()).collect();
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let memory = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let memory: f64 = memory.trim_end_matches("kB").trim().parse().unwrap();
    Used {
        // Ticks of 10 ms, of the user and of the system.
        cpu: Duration::from_millis((numbers[0] + numbers[1]) * 10),
        memory: memory / 1024.0,
        threads: numbers[6] as usize,
    }
}

/// The share of a core that a process has used in this time, in percent.
pub fn share(before: Used, after: Used, time: Duration) -> f64 {
    (after.cpu - before.cpu).as_secs_f64() / time.as_secs_f64() * 100.0
}

/// The value that this share of the sorted values does not exceed.
pub fn percentile(sorted: &[u64], share: f64) -> u64 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    let value = sorted.get(place.saturating_sub(1));
    value.copied().unwrap_or_default()
}
