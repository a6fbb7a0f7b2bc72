//! The machine that measures: a ratio is worth what it is worth on that one.

use std::fs;
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use serde_json::{json, Value};

/// How much of the processor others may use.
const QUIET: f64 = 0.1;

/// How long that is looked at.
const LOOK: Duration = Duration::from_secs(3);

pub struct Machine {
    cpu: String,
    kernel: String,
    cores: usize,
    /// The mean of a minute, before anything is measured.
    load: f64,
    /// Shares of all cores, before anything is measured.
    busy: f64,
    stolen: f64,
    begin: Ticks,
}

impl Machine {
    pub fn look() -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpus = read("/proc/cpuinfo");
        let model = cpus.lines().find(|line| line.starts_with("model name"));
        let load = read("/proc/loadavg");
        let before = Ticks::now();
        sleep(LOOK);
        let (busy, stolen) = before.until(&Ticks::now());
        Machine {
            cpu: model
                .and_then(|line| line.split_once(": "))
                .map_or("unknown", |(_, model)| model)
                .trim()
                .to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            cores: available_parallelism().map_or(0, usize::from),
            load: load
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or_default(),
            busy,
            stolen,
            begin: Ticks::now(),
        }
    }

    /// The share that was stolen from all cores since it was looked at.
    pub fn stolen_since(&self) -> f64 {
        self.begin.until(&Ticks::now()).1
    }

    pub fn is_busy(&self) -> bool {
        self.busy + self.stolen > QUIET
    }

    pub fn text(&self) -> String {
        format!(
            "{}, {} cores, Linux {}; before: load {}, {:.0} % busy, {:.0} % stolen",
            self.cpu,
            self.cores,
            self.kernel,
            self.load,
            self.busy * 100.0,
            self.stolen * 100.0
        )
    }

    /// For the name of a file.
    pub fn name(&self) -> String {
        let text = format!("{} {} cores", self.cpu, self.cores).to_lowercase();
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("-")
    }

    pub fn json(&self) -> Value {
        json!({
            "cpu": self.cpu,
            "cores": self.cores,
            "kernel": self.kernel,
            "load_before": self.load,
            "busy_before": self.busy,
            "stolen_before": self.stolen,
            "stolen_meanwhile": self.stolen_since(),
        })
    }
}

/// Of all cores, since the start.
struct Ticks(Vec<f64>);

impl Ticks {
    fn now() -> Ticks {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let numbers = stat.lines().next().unwrap_or_default().split_whitespace();
        // Time of guests, which follows these, is in the first of them too.
        Ticks(
            numbers
                .skip(1)
                .take(8)
                .filter_map(|ticks| ticks.parse().ok())
                .collect(),
        )
    }

    /// The shares that were used, and that were stolen.
    fn until(&self, later: &Ticks) -> (f64, f64) {
        let spent: Vec<f64> = later.0.iter().zip(&self.0).map(|(b, a)| b - a).collect();
        let [_, _, _, idle, wait, _, _, stolen] = spent[..] else {
            return (0.0, 0.0);
        };
        let all = spent.iter().sum::<f64>().max(1.0);
        ((all - idle - wait - stolen) / all, stolen / all)
    }
}
