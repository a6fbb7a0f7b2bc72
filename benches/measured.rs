//! What a reader's process says of itself when it has read all.

use std::fs;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::time::TimeVal;

/// What is read of each alert, beside rule and priority.
pub const FIELDS: [&str; 2] = ["proc.name", "dummy.user"];

/// What has been read, with the proof that it was.
#[derive(Default)]
pub struct Read {
    alerts: u64,
    pub checksum: u64,
    written: u64,
    /// From the time that each alert tells, in microseconds.
    late: Vec<u64>,
    /// Between two alerts.
    gap: u64,
    last: Option<Instant>,
}

impl Read {
    pub fn add<'a>(&mut self, rule: &str, priority: i32, field: impl Fn(&str) -> Option<&'a str>) {
        let mut sum = 0;
        for text in [Some(rule), field(FIELDS[0]), field(FIELDS[1])] {
            let text = text.unwrap_or_default().as_bytes();
            let ends =
                [text.first(), text.last()].map(|byte| byte.map_or(0, |&byte| u64::from(byte)));
            sum = sum * 65_599 + text.len() as u64 * 31 + ends[0] * 7 + ends[1];
        }
        self.count(sum.wrapping_add(priority as u64));
    }

    /// One that was not looked into: `sum` is what is known of it.
    pub fn count(&mut self, sum: u64) {
        self.alerts += 1;
        self.checksum = self.checksum.wrapping_mul(1_000_003).wrapping_add(sum);
    }

    /// So many bytes of JSON were made.
    pub fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
    }

    pub fn alerts(&self) -> u64 {
        self.alerts
    }

    /// An alert of this time is here now.
    pub fn came(&mut self, seconds: i64, nanos: i32) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let then = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        let late = (now.as_nanos() as i128 - then) / 1000;
        self.late.push(u64::try_from(late).unwrap_or_default());
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            self.gap = self.gap.max((now - last).as_micros() as u64);
        }
    }
}

/// From before the connection is made.
pub struct Measured {
    begin: Instant,
    cpu: f64,
}

impl Measured {
    pub fn begin() -> Measured {
        Measured {
            begin: Instant::now(),
            cpu: used().0,
        }
    }

    /// Prints it all on one line, in the order that `rounds.rs` reads.
    pub fn end(self, mut read: Read) {
        let seconds = self.begin.elapsed().as_secs_f64();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.unwrap().trim().trim_end_matches(" kB");
        let (cpu, switches) = used();
        read.late.sort_unstable();
        let late = |share: f64| {
            let place = (read.late.len() as f64 * share).ceil() as usize;
            let late = read.late.get(place.saturating_sub(1));
            late.copied().unwrap_or_default()
        };
        println!(
            "{} {} {} {seconds} {} {peak} {switches} {} {} {} {} {}",
            read.alerts,
            read.checksum,
            read.written,
            cpu - self.cpu,
            late(0.5),
            late(0.99),
            late(0.999),
            late(1.0),
            read.gap,
        );
    }
}

/// This process's seconds of user and system time, and its context switches.
fn used() -> (f64, i64) {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    (
        seconds(usage.user_time()) + seconds(usage.system_time()),
        usage.voluntary_context_switches() + usage.involuntary_context_switches(),
    )
}
