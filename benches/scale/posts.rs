//! Many Falcos that post over HTTP to `watch`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::machine::{self, percentile, share, used};
use crate::part::{commands, say, Part};
use crate::posting::Poster;

pub const MEASURED: Duration = Duration::from_secs(15);
/// Until all have connected, which is not measured.
pub const SETTLE: Duration = Duration::from_secs(3);
/// Until no connection is served any more, only kept.
const SILENCE: Duration = Duration::from_secs(6);
/// Between two alerts of one peer.
const PACE: Duration = Duration::from_secs(1);
/// Of the thread of a peer.
const STACK: usize = 128 * 1024;

pub fn measure(sizes: &[usize]) {
    machine::print();
    println!("1 alert/s each; CPU in percent of a core, of watch");
    println!(
        "{:>6} {:>8} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6} {:>7} {:>7} {:>9} {:>7}",
        "peers",
        "alerts/s",
        "cut",
        "refused",
        "p50 ms",
        "p99 ms",
        "max ms",
        "connect",
        "CPU",
        "MiB",
        "threads",
        "idle: MiB",
        "threads",
    );
    for &size in sizes {
        let (watch, address) = command(&["watch", "--endpoint", "listen+http://127.0.0.1:0"]);
        let mut peers = Part::start(&["part-peers", &address, &size.to_string()]);
        sleep(SETTLE);
        let before = used(watch.0.id());
        // The last ones have not left yet.
        sleep(MEASURED - PACE);
        let after = used(watch.0.id());
        let numbers = peers.ask("end");
        sleep(SILENCE);
        let idle = used(watch.0.id());
        drop(peers);
        println!(
            "{size:>6} {:>8.0} {:>7.0} {:>7.0} {:>7.1} {:>7.1} {:>7.1} {:>7.0} {:>6.1} {:>7.1} {:>7} {:>9.1} {:>7}",
            numbers[0] / MEASURED.as_secs_f64(),
            numbers[1],
            numbers[2],
            numbers[3],
            numbers[4],
            numbers[5],
            numbers[6],
            share(before, after, MEASURED - PACE),
            after.memory,
            after.threads,
            idle.memory,
            idle.threads,
        );
    }
}

/// Ends with this.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the command, and returns where it listens.
pub fn command(arguments: &[&str]) -> (Running, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_falco-client"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
    let address = said.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, rest) = line.split_once("listen+http://")?;
        rest.split(' ').next().map(str::to_owned)
    });
    // It must not wait for a reader.
    thread::spawn(move || said.for_each(drop));
    (Running(process), address.unwrap())
}

#[derive(Default)]
struct Posted {
    /// How long each answer took from the time that the alert existed, in microseconds.
    late: Vec<u64>,
    /// Posts without an answer.
    cut: u64,
    /// Answers that are not 200.
    refused: u64,
    connects: u64,
}

/// The peers of one process, one thread each. Answers when all have posted for the whole time.
pub fn run(address: &str, count: usize) {
    let text = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/recordings/dummy_json.jsonl"
    ));
    let lines: Arc<Vec<String>> = Arc::new(text.unwrap().lines().map(str::to_owned).collect());
    let begin = Instant::now();
    let peers: Vec<_> = (0..count)
        .map(|at| {
            let (lines, address) = (lines.clone(), address.to_owned());
            let first = begin + PACE.mul_f64(at as f64 / count as f64);
            let post = move || peer(&address, &lines[at % lines.len()], begin, first);
            thread::Builder::new()
                .stack_size(STACK)
                .spawn(post)
                .unwrap()
        })
        .collect();
    let mut all = Posted::default();
    // They stay connected until the end of this process.
    let mut connections = Vec::new();
    for peer in peers {
        let (posted, connection) = peer.join().unwrap();
        connections.push(connection);
        all.late.extend(posted.late);
        all.cut += posted.cut;
        all.refused += posted.refused;
        all.connects += posted.connects;
    }
    all.late.sort_unstable();
    let ms = |share| percentile(&all.late, share) as f64 / 1_000.0;
    for _ in commands() {
        say(&[
            all.late.len() as f64,
            all.cut as f64,
            all.refused as f64,
            ms(0.5),
            ms(0.99),
            ms(1.0),
            all.connects as f64,
        ]);
    }
}

fn peer(address: &str, line: &str, begin: Instant, mut due: Instant) -> (Posted, Option<Poster>) {
    let mut posted = Posted::default();
    let mut connection: Option<Poster> = None;
    while due < begin + SETTLE + MEASURED {
        sleep(due.saturating_duration_since(Instant::now()));
        let measured = due >= begin + SETTLE;
        let answer = match connection.take() {
            Some(connection) => Ok(connection),
            None => {
                posted.connects += u64::from(measured);
                Poster::connect(address)
            }
        }
        .and_then(|mut peer: Poster| {
            let status = peer.post(line)?;
            connection = Some(peer);
            Ok(status)
        });
        match answer {
            _ if !measured => {}
            Ok(200) => posted.late.push(due.elapsed().as_micros() as u64),
            Ok(_) => posted.refused += 1,
            Err(_) => posted.cut += 1,
        }
        due += PACE;
    }
    (posted, connection)
}
