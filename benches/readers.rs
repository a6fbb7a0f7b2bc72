//! How fast a backlog is read, and what that costs: through this crate's iterator, streams and callback,
//! through grpcio with generated messages, and through the peers of `benches/peers`.
//!
//! ```sh
//! script/bench [ALERTS [ROUNDS]]
//! ```
//!
//! Each reader is a process of its own, and so is the server, which shares the machine. They take turns
//! in random order; medians are printed, with the least and the most. Each reads rule, priority and two
//! fields of every alert, and proves it with a checksum.

mod measured;

use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use falco_client::api::outputs::{Request, Response};
use falco_client::api::outputs_grpc::ServiceClient;
use falco_client::server::Server;
use falco_client::{recording, Alert, Client};
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::StreamExt;
use grpcio::{ChannelBuilder, Environment};

use measured::{Measured, Read};

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--serve", endpoint, alerts] => serve_backlog(endpoint, alerts.parse().unwrap()),
        ["--read", reader, endpoint] => {
            let (_, read) = OURS.iter().find(|(name, _)| *name == reader).unwrap();
            let measured = Measured::begin();
            measured.end(read(endpoint));
        }
        _ => {
            let number = |at: usize, default| words.get(at).map_or(default, |a| a.parse().unwrap());
            compare(number(0, 300_000), number(1, 5), words.get(2).copied());
        }
    }
}

/// The server's process: holds `count` alerts of the recordings until it is killed.
fn serve_backlog(endpoint: &str, count: usize) {
    let falco = Server::builder().listen(endpoint).start().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut messages = Vec::new();
    for name in ["dummy_json", "replay_libs-sample", "replay_falco-cat_write"] {
        let recorded = recording::read(&folder.join(format!("{name}.pb"))).unwrap();
        messages.extend(recorded.map(Result::unwrap));
    }
    for message in messages.iter().cycle().take(count) {
        falco.push_bytes(message.clone());
    }
    println!("ready");
    loop {
        std::thread::park();
    }
}

struct Falco(Child);

impl Falco {
    fn with_backlog(endpoint: &str, count: usize) -> Falco {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--serve", endpoint, &count.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line.trim(), "ready");
        Falco(child)
    }
}

impl Drop for Falco {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn add(read: &mut Read, alert: &Alert) {
    read.add(alert.rule(), alert.priority().number(), |name| {
        alert.field(name)
    });
}

fn iterate(endpoint: &str, mut each: impl FnMut(&Alert, &mut Read)) -> Read {
    let mut read = Read::default();
    for alert in Client::connect(endpoint).unwrap().get().unwrap() {
        let alert = alert.unwrap();
        add(&mut read, &alert);
        each(&alert, &mut read);
    }
    read
}

fn iterator(endpoint: &str) -> Read {
    iterate(endpoint, |_, _| {})
}

fn to_falco_json(endpoint: &str) -> Read {
    let mut line = Vec::new();
    iterate(endpoint, |alert, read| {
        line.clear();
        alert.falco().write_to(&mut line).unwrap();
        read.wrote(line.len());
    })
}

fn to_go_json(endpoint: &str) -> Read {
    let mut line = Vec::new();
    iterate(endpoint, |alert, read| {
        line.clear();
        alert.go().write_to(&mut line).unwrap();
        read.wrote(line.len());
    })
}

async fn polled(endpoint: &str) -> Read {
    let mut read = Read::default();
    let mut alerts = Client::connect(endpoint).unwrap().get().unwrap();
    while let Some(alert) = alerts.next().await {
        add(&mut read, &alert.unwrap());
    }
    read
}

fn stream(endpoint: &str) -> Read {
    block_on(polled(endpoint))
}

fn stream_on_smol(endpoint: &str) -> Read {
    smol::block_on(polled(endpoint))
}

fn callback(endpoint: &str) -> Read {
    let read = Arc::new(Mutex::new(Read::default()));
    let shared = read.clone();
    let client = Client::connect(endpoint).unwrap();
    let watch = client.get_with(move |alert| {
        add(&mut shared.lock().unwrap(), &alert.unwrap());
        ControlFlow::Continue(())
    });
    watch.unwrap().wait().unwrap();
    let mut read = read.lock().unwrap();
    std::mem::take(&mut *read)
}

fn service(endpoint: &str) -> ServiceClient {
    let target = endpoint.replace("unix://", "unix:");
    ServiceClient::new(ChannelBuilder::new(Arc::new(Environment::new(1))).connect(&target))
}

fn add_generated(read: &mut Read, message: &Response) {
    read.add(&message.rule, message.priority.value(), |name| {
        message.output_fields.get(name).map(String::as_str)
    });
}

/// What one writes first with grpcio: wait on this thread for each generated message.
fn plain_grpcio(endpoint: &str) -> Read {
    let service = service(endpoint);
    let mut messages = service.get(&Request::new()).unwrap();
    let mut read = Read::default();
    while let Some(message) = block_on(messages.next()) {
        add_generated(&mut read, &message.unwrap());
    }
    read
}

/// The same on the thread where the bytes arrive.
fn grpcio_on_its_thread(endpoint: &str) -> Read {
    let service = service(endpoint);
    let mut messages = service.get(&Request::new()).unwrap();
    let (done, over) = oneshot::channel();
    service.spawn(async move {
        let mut read = Read::default();
        while let Some(message) = messages.next().await {
            add_generated(&mut read, &message.unwrap());
        }
        let _ = done.send(read);
    });
    block_on(over).unwrap()
}

type Reader = (&'static str, fn(&str) -> Read);

const OURS: [Reader; 8] = [
    ("iterator", iterator),
    ("stream, futures::executor", stream),
    ("stream, smol", stream_on_smol),
    ("callback", callback),
    ("iterator, to falco JSON", to_falco_json),
    ("iterator, to go JSON", to_go_json),
    ("grpcio generated, on its thread", grpcio_on_its_thread),
    ("grpcio generated, block_on", plain_grpcio),
];

const PEERS: [(&str, &str); 3] = [
    ("tonic current-thread + prost", "current"),
    ("tonic multi-thread + prost", "multi"),
    ("tonic current-thread, to JSON", "current-json"),
];

/// One reader and what its runs have measured.
struct Row {
    name: &'static str,
    command: Vec<String>,
    rate: Vec<f64>,
    cpu: Vec<f64>,
    peak: Vec<f64>,
    switches: Vec<f64>,
}

fn rows(peers: Option<&str>) -> Vec<Row> {
    let this = std::env::current_exe().unwrap();
    let ours = OURS.iter().map(|(name, _)| {
        let words = [this.to_str().unwrap(), "--read", name];
        (*name, words.map(str::to_owned).to_vec())
    });
    let theirs = PEERS
        .iter()
        .filter_map(|(name, reader)| Some((*name, [peers?, reader].map(str::to_owned).to_vec())));
    ours.chain(theirs)
        .map(|(name, command)| Row {
            name,
            command,
            rate: Vec::new(),
            cpu: Vec::new(),
            peak: Vec::new(),
            switches: Vec::new(),
        })
        .collect()
}

fn compare(count: usize, rounds: usize, peers: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("unix://{}/falco.sock", folder.path().display());
    let mut rows = rows(peers);
    let mut expected = None;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut random = now.as_nanos() as u64 | 1;
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        for last in (1..order.len()).rev() {
            // Xorshift.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            order.swap(last, (random % (last as u64 + 1)) as usize);
        }
        for at in order {
            let row = &mut rows[at];
            eprint!("\rround {} of {rounds}: {:<40}", round + 1, row.name);
            let _falco = Falco::with_backlog(&endpoint, count);
            let run = Command::new(&row.command[0])
                .args(&row.command[1..])
                .arg(&endpoint)
                .output()
                .unwrap();
            assert!(run.status.success(), "{}: {run:?}", row.name);
            let said = String::from_utf8(run.stdout).unwrap();
            let numbers: Vec<f64> = said
                .split_whitespace()
                .map(|n| n.parse().unwrap())
                .collect();
            let checksum = said.split_whitespace().nth(1).unwrap().to_owned();
            assert_eq!(numbers[0], count as f64, "{}", row.name);
            let expected = expected.get_or_insert(checksum.clone());
            assert_eq!(*expected, checksum, "{} read something else", row.name);
            row.rate.push(numbers[0] / numbers[3]);
            row.cpu.push(numbers[4] * 1e6 / numbers[0]);
            row.peak.push(numbers[5] / 1024.0);
            row.switches.push(numbers[6]);
        }
    }
    eprint!("\r{:<60}\r", "");
    println!("{count} alerts of the recordings over a unix socket, medians of {rounds} rounds:\n");
    println!("| reader | alerts/s | least to most | CPU s per million | peak MiB | switches |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for row in &mut rows {
        let (least, rate, most) = spread(&mut row.rate);
        println!(
            "| {} | {rate:.0} | {least:.0} to {most:.0} | {:.2} | {:.1} | {:.0} |",
            row.name,
            spread(&mut row.cpu).1,
            spread(&mut row.peak).1,
            spread(&mut row.switches).1,
        );
    }
    write_json(&rows);
}

fn spread(values: &mut [f64]) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |place| values.get(place).copied().unwrap_or(f64::NAN);
    (
        at(0),
        at(values.len() / 2),
        at(values.len().saturating_sub(1)),
    )
}

/// Beside the table, for whoever draws it: every run of every reader.
fn write_json(rows: &[Row]) {
    let Some(path) = std::env::var_os("FALCO_CLIENT_BENCH_JSON") else {
        return;
    };
    let readers: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({
                "reader": row.name,
                "alerts_per_second": row.rate,
                "cpu_seconds_per_million": row.cpu,
                "peak_mib": row.peak,
                "context_switches": row.switches,
            })
        })
        .collect();
    fs::write(path, serde_json::Value::from(readers).to_string()).unwrap();
}
