//! What a reader's process says of itself when it has read all.

use std::fs;
use std::time::Instant;

/// What is read of each alert, beside rule and priority.
pub const FIELDS: [&str; 2] = ["proc.name", "dummy.user"];

#[derive(Default)]
pub struct Read {
    alerts: u64,
    checksum: u64,
    written: u64,
}

impl Read {
    pub fn add<'a>(&mut self, rule: &str, priority: i32, field: impl Fn(&str) -> Option<&'a str>) {
        self.alerts += 1;
        let fields = FIELDS.map(|name| field(name).map_or(0, |value| value.len() as u64));
        let sum = rule.len() as u64 * 31 + priority as u64 * 7 + fields[0] * 5 + fields[1] * 3;
        self.checksum = self.checksum.wrapping_mul(1_000_003).wrapping_add(sum);
    }

    /// So many bytes of JSON were made.
    pub fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
    }
}

/// From before the connection is made.
pub struct Measured {
    begin: Instant,
}

impl Measured {
    pub fn begin() -> Measured {
        let begin = Instant::now();
        Measured { begin }
    }

    /// Prints it all on one line, in this order.
    pub fn end(self, read: Read) {
        let seconds = self.begin.elapsed().as_secs_f64();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let number = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap();
            line.split_whitespace()
                .next()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        let switches: u64 = fs::read_dir("/proc/self/task")
            .unwrap()
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok())
            .flat_map(|status| {
                let of = |line: &str| line.split_whitespace().next_back()?.parse::<u64>().ok();
                let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
                lines.filter_map(of).collect::<Vec<_>>()
            })
            .sum();
        println!(
            "{} {} {} {seconds} {} {} {switches}",
            read.alerts,
            read.checksum,
            read.written,
            cpu(),
            number("VmHWM:"),
        );
    }
}

/// Seconds of user and system time of this process.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let numbers = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks: u64 = numbers
        .skip(11)
        .take(2)
        .map(|number| number.parse::<u64>().unwrap())
        .sum();
    ticks as f64 / 100.0
}
