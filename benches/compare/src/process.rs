//! Servers and readers, each a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::placement::{Placement, Role};

/// No reader takes as long, but one that waits for an alert it has missed.
const TOO_LONG: Duration = Duration::from_secs(300);

/// Seconds of CPU of a process, by its threads that live.
pub fn cpu(process: &str) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split_whitespace().next()?.parse::<f64>().ok())
        .sum::<f64>()
        / 1e9
}

/// A server, until it is dropped.
pub struct Server {
    child: Child,
}

impl Server {
    /// Returns when it says that it is ready.
    pub fn start(command: &[String], placement: Placement) -> Server {
        let mut child = placement.start(Role::Server, || piped(command));
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "{command:?}");
        Server { child }
    }

    pub fn id(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a reader says of itself.
#[derive(Clone, Debug)]
pub struct Said {
    pub alerts: f64,
    pub checksum: String,
    pub written: f64,
    pub seconds: f64,
    pub cpu: f64,
    pub peak_mib: f64,
    pub switches: f64,
    /// Microseconds: p50, p99, p99.9, the most, and the longest gap between two alerts.
    pub late: [f64; 5],
}

/// Starts a reader.
pub fn spawn(command: &[String], placement: Placement) -> Child {
    placement.start(Role::Reader, || piped(command))
}

fn piped(command: &[String]) -> Child {
    Command::new(&command[0])
        .args(&command[1..])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

pub fn said(command: &[String], mut reader: Child) -> Said {
    let begin = Instant::now();
    while reader.try_wait().unwrap().is_none() {
        if begin.elapsed() > TOO_LONG {
            reader.kill().unwrap();
        }
        sleep(Duration::from_millis(10));
    }
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |at: usize| -> f64 {
        let word = words
            .get(at)
            .unwrap_or_else(|| panic!("{command:?} said {text:?}"));
        word.parse().unwrap()
    };
    Said {
        alerts: number(0),
        checksum: words[1].to_owned(),
        written: number(2),
        seconds: number(3),
        cpu: number(4),
        peak_mib: number(5) / 1024.0,
        switches: number(6),
        late: [7, 8, 9, 10, 11].map(number),
    }
}
