//! How fast a backlog is read: through this crate's iterator, stream and callback, and through
//! grpcio with generated messages, used the plain way.
//!
//! ```sh
//! cargo bench --features cli --bench readers [-- ALERTS ROUNDS]
//! ```
//!
//! A server process and the reader share this machine. The programs take turns; medians are
//! printed. Each reads rule, priority and two fields of every alert, and proves it with a checksum.

use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use falco_client::api::outputs::{Request, Response};
use falco_client::api::outputs_grpc::ServiceClient;
use falco_client::server::Server;
use falco_client::{recording, Alert, Client};
use futures::executor::block_on;
use futures::StreamExt;
use grpcio::{ChannelBuilder, Environment};

const FIELDS: [&str; 2] = ["proc.name", "dummy.user"];

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if let [serve, endpoint, alerts] = &arguments[..] {
        if serve == "--serve" {
            return serve_backlog(endpoint, alerts.parse().unwrap());
        }
    }
    let number = |at: usize, default| arguments.get(at).map_or(default, |a| a.parse().unwrap());
    compare(number(0, 300_000), number(1, 5));
}

/// The server's process: holds `count` alerts of the recordings until it is killed.
fn serve_backlog(endpoint: &str, count: usize) {
    let falco = Server::builder()
        .listen(endpoint)
        .threadiness(1)
        .start()
        .unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut messages = Vec::new();
    for name in [
        "dummy_json.pb",
        "replay_libs-sample.pb",
        "replay_falco-cat_write.pb",
    ] {
        messages.extend(
            recording::read(&folder.join(name))
                .unwrap()
                .map(Result::unwrap),
        );
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

#[derive(Default, PartialEq, Eq, Debug, Clone, Copy)]
struct Read {
    alerts: usize,
    checksum: u64,
}

impl Read {
    fn add<'a>(&mut self, rule: &str, priority: i32, field: impl Fn(&str) -> Option<&'a str>) {
        self.alerts += 1;
        let fields = FIELDS.map(|name| field(name).map_or(0, |value| value.len() as u64));
        let sum = rule.len() as u64 * 31 + priority as u64 * 7 + fields[0] * 5 + fields[1] * 3;
        self.checksum = self.checksum.wrapping_mul(1_000_003).wrapping_add(sum);
    }

    fn alert(&mut self, alert: &Alert) {
        self.add(alert.rule(), alert.priority().number(), |name| {
            alert.field(name)
        });
    }
}

fn iterator(endpoint: &str) -> Read {
    let mut read = Read::default();
    for alert in Client::connect(endpoint).unwrap().get().unwrap() {
        read.alert(&alert.unwrap());
    }
    read
}

fn stream(endpoint: &str) -> Read {
    let mut read = Read::default();
    let mut alerts = Client::connect(endpoint).unwrap().get().unwrap();
    block_on(async {
        while let Some(alert) = alerts.next().await {
            read.alert(&alert.unwrap());
        }
    });
    read
}

fn callback(endpoint: &str) -> Read {
    let sums = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let shared = sums.clone();
    let mut read = Read::default();
    let watch = Client::connect(endpoint).unwrap().get_with(move |alert| {
        read.alert(&alert.unwrap());
        shared[0].store(read.alerts as u64, Ordering::Relaxed);
        shared[1].store(read.checksum, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    watch.unwrap().wait().unwrap();
    Read {
        alerts: sums[0].load(Ordering::Relaxed) as usize,
        checksum: sums[1].load(Ordering::Relaxed),
    }
}

/// What one writes first with grpcio: wait on this thread for each generated message.
fn plain_grpcio(endpoint: &str) -> Read {
    let channel = ChannelBuilder::new(Arc::new(Environment::new(1)))
        .connect(&endpoint.replace("unix://", "unix:"));
    let service = ServiceClient::new(channel);
    let mut messages = service.get(&Request::new()).unwrap();
    let mut read = Read::default();
    while let Some(message) = block_on(messages.next()) {
        let message: Response = message.unwrap();
        read.add(&message.rule, message.priority.value(), |name| {
            message.output_fields.get(name).map(String::as_str)
        });
    }
    read
}

type Reader = (&'static str, fn(&str) -> Read);

const READERS: [Reader; 4] = [
    ("iterator", iterator),
    ("stream, futures::executor", stream),
    ("callback", callback),
    ("grpcio, block_on, generated", plain_grpcio),
];

fn compare(count: usize, rounds: usize) {
    let folder = std::env::temp_dir().join(format!("falco-readers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let endpoint = format!("unix://{}/falco.sock", folder.display());
    let mut times = READERS.map(|_| Vec::new());
    let mut expected = None;
    for _ in 0..rounds {
        for (at, (name, reader)) in READERS.iter().enumerate() {
            let _falco = Falco::with_backlog(&endpoint, count);
            let start = Instant::now();
            let read = reader(&endpoint);
            times[at].push(start.elapsed());
            assert_eq!(read.alerts, count, "{name}");
            assert_eq!(
                *expected.get_or_insert(read),
                read,
                "{name} read something else"
            );
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let medians = times.map(|mut times: Vec<Duration>| {
        times.sort();
        count as f64 / times[times.len() / 2].as_secs_f64()
    });
    println!("{count} alerts from the recordings, unix socket, median of {rounds}:");
    for ((name, _), median) in READERS.iter().zip(medians) {
        let ratio = median / medians[READERS.len() - 1];
        println!("{name:<28} {median:>9.0} alerts/s  {ratio:>5.1} x");
    }
}
