//! How fast alerts are taken that are posted as Falco does it: one at a time over one connection,
//! each after the answer to the one before.
//!
//! ```sh
//! cargo bench --features cli --bench posts [-- POSTS]
//! cargo bench --features cli --bench posts -- bodies [COMMAND...]
//! ```
//!
//! The second one posts bodies of several sizes, to each of these builds of the command in turn.
//!
//! Senders and the command share this machine. A post's time is from its first byte sent to the last
//! of its answer.

mod bodies;
#[path = "../../tests/common/posting.rs"]
mod posting;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use posting::Poster;

pub const LIMIT: Duration = Duration::from_secs(60);

/// How long the idle command is watched.
const IDLE: Duration = Duration::from_secs(10);

const OWN: &str = env!("CARGO_BIN_EXE_falco-client");

const WATCH: [&str; 3] = ["watch", "--endpoint", "listen+http://127.0.0.1:0"];

fn lines() -> Vec<String> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/recordings/dummy_json.jsonl"
    );
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .peekable();
    if arguments.next_if_eq("bodies").is_some() {
        return bodies::measure(arguments.collect());
    }
    let posts = arguments.next().map_or(100_000, |a| a.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let watch = WATCH.as_slice();
    let relay = [
        "relay",
        "--from",
        "listen+http://127.0.0.1:0",
        "--to",
        "/dev/null",
    ]
    .as_slice();
    let on_disk = [relay, &["--spool", spool.to_str().unwrap()]].concat();
    println!(
        "{:<34} {:>9} {:>8} {:>8} {:>14} {:>9}",
        "", "alerts/s", "p50", "p99", "CPU s/million", "memory"
    );
    for (name, command, senders) in [
        ("watch, 1 sender", watch, 1),
        ("watch, 100 senders", watch, 100),
        ("relay, in memory, 1 sender", relay, 1),
        ("relay --spool, 1 sender", &on_disk, 1),
        ("relay --spool, 100 senders", &on_disk, 100),
    ] {
        let taker = Taker::start(OWN, command);
        taker.measure(name, senders, posts);
    }
    let taker = Taker::start(OWN, watch);
    let connections: Vec<_> = (0..100)
        .map(|_| Poster::connect(&taker.address).unwrap())
        .collect();
    let before = taker.cpu();
    thread::sleep(IDLE);
    let share = (taker.cpu() - before).as_secs_f64() / IDLE.as_secs_f64();
    println!(
        "watch, idle with {} connections: {:.2} % of a core",
        connections.len(),
        share * 100.0
    );
}

/// The command, as a process of its own.
struct Taker {
    process: Child,
    address: String,
}

impl Taker {
    fn start(program: &str, arguments: &[&str]) -> Taker {
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = said
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| {
                let (_, rest) = line.split_once("listen+http://")?;
                rest.split(' ').next().map(str::to_owned)
            })
            .unwrap();
        // It must not wait for a reader.
        thread::spawn(move || said.for_each(drop));
        Taker { process, address }
    }

    fn measure(&self, name: &str, senders: usize, posts: usize) {
        let lines = Arc::new(lines());
        let (cpu, begin) = (self.cpu(), Instant::now());
        let running: Vec<_> = (0..senders)
            .map(|sender| {
                let (lines, address) = (lines.clone(), self.address.clone());
                thread::spawn(move || {
                    let mut falco = Poster::connect(&address).unwrap();
                    let mut times = Vec::with_capacity(posts / senders);
                    for line in lines.iter().cycle().skip(sender).take(posts / senders) {
                        let begin = Instant::now();
                        assert_eq!(falco.post(line).unwrap(), 200);
                        times.push(begin.elapsed());
                    }
                    (times, falco)
                })
            })
            .collect();
        // The threads that serve their connections live as long as these are open.
        let (times, connections): (Vec<_>, Vec<_>) = running
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .unzip();
        let took = begin.elapsed().as_secs_f64();
        let mut times = times.concat();
        let cpu = (self.cpu() - cpu).as_secs_f64() * 1e6 / times.len() as f64;
        drop(connections);
        times.sort();
        let micros = |share: usize| times[times.len() * share / 100].as_micros();
        println!(
            "{name:<34} {:>9.0} {:>5} us {:>5} us {cpu:>14.1} {:>5.1} MiB",
            times.len() as f64 / took,
            micros(50),
            micros(99),
            self.peak() as f64 / 1024.0
        );
    }

    /// Of the threads that live.
    fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .filter_map(|stat| stat.split_whitespace().next()?.parse().ok())
            .map(Duration::from_nanos)
            .sum()
    }

    /// The most memory that it has had, in KiB.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        peak.trim_end_matches("kB").trim().parse().unwrap()
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
