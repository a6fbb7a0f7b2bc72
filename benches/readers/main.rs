//! This crate's readers, and grpcio's, for `script/bench`: each run is a process of its own.
//!
//! | | |
//! | --- | --- |
//! | `--read READER ENDPOINT [CERTIFICATES]` | reads a backlog |
//! | `--watch READER ENDPOINT ALERTS` | subscribes, and measures how late each alert is |
//! | `--emit ENDPOINT RATE ALERTS` | an embedded Falco that has them at irregular times, or `burst` |
//!
//! Each reads rule, priority and two fields of every alert, and proves it with a checksum.

#[path = "../corpus.rs"]
mod corpus;
mod emit;
mod grpc;
#[path = "../measured.rs"]
mod measured;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use falco_client::{Alert, Client, Config, Tls};
use futures::executor::block_on;
use futures::StreamExt;

use measured::{Measured, Read};

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--read", reader, endpoint, ref certificates @ ..] => {
            let (_, read) = READERS.iter().find(|(name, _)| *name == reader).unwrap();
            let measured = Measured::begin();
            measured.end(read(&Falco::new(endpoint, certificates.first().copied())));
        }
        ["--watch", reader, endpoint, alerts] => {
            let alerts = alerts.parse().unwrap();
            let measured = Measured::begin();
            measured.end(match reader {
                "stream" => block_on(watch_stream(endpoint, alerts)),
                _ => watch(endpoint, alerts),
            });
        }
        ["--emit", endpoint, rate, alerts] => emit::emit(endpoint, rate, alerts.parse().unwrap()),
        _ => println!("Run script/bench, which compares these readers with others."),
    }
}

/// Where a reader connects to.
struct Falco {
    config: Config,
    target: String,
    /// The folder that has them.
    certificates: Option<String>,
}

impl Falco {
    fn new(endpoint: &str, certificates: Option<&str>) -> Falco {
        let mut config = Config::new(endpoint);
        if let Some(folder) = certificates {
            let file = |name: &str| Path::new(folder).join(name);
            config = config.tls(Tls::from_files(
                file("ca.crt"),
                file("client.crt"),
                file("client.key"),
            ));
        }
        Falco {
            config,
            target: endpoint.replace("unix://", "unix:"),
            certificates: certificates.map(str::to_owned),
        }
    }

    fn client(&self) -> Client {
        Client::new(self.config.clone()).unwrap()
    }
}

fn add(read: &mut Read, alert: &Alert) {
    read.add(alert.rule(), alert.priority().number(), |name| {
        alert.field(name)
    });
}

fn iterate(falco: &Falco, mut each: impl FnMut(&Alert, &mut Read)) -> Read {
    let mut read = Read::default();
    for alert in falco.client().get().unwrap() {
        let alert = alert.unwrap();
        add(&mut read, &alert);
        each(&alert, &mut read);
    }
    read
}

fn iterator(falco: &Falco) -> Read {
    iterate(falco, |_, _| {})
}

fn to_json(falco: &Falco, write: impl Fn(&Alert, &mut Vec<u8>)) -> Read {
    let mut line = Vec::new();
    iterate(falco, |alert, read| {
        line.clear();
        write(alert, &mut line);
        read.wrote(line.len());
    })
}

fn to_falco_json(falco: &Falco) -> Read {
    to_json(falco, |alert, line| {
        alert.falco_json().write_to(line).unwrap()
    })
}

fn to_go_json(falco: &Falco) -> Read {
    to_json(falco, |alert, line| alert.go_json().write_to(line).unwrap())
}

fn to_proto_json(falco: &Falco) -> Read {
    to_json(falco, |alert, line| {
        alert.proto_json().write_to(line).unwrap()
    })
}

async fn polled(falco: &Falco) -> Read {
    let mut read = Read::default();
    let mut alerts = falco.client().get().unwrap();
    while let Some(alert) = alerts.next().await {
        add(&mut read, &alert.unwrap());
    }
    read
}

fn stream(falco: &Falco) -> Read {
    block_on(polled(falco))
}

fn stream_on_smol(falco: &Falco) -> Read {
    smol::block_on(polled(falco))
}

fn callback(falco: &Falco) -> Read {
    let read = Arc::new(Mutex::new(Read::default()));
    let shared = read.clone();
    let calls = falco.client().get_with(move |alert| {
        add(&mut shared.lock().unwrap(), &alert.unwrap());
        ControlFlow::Continue(())
    });
    calls.unwrap().wait().unwrap();
    let mut read = read.lock().unwrap();
    std::mem::take(&mut *read)
}

type Reader = (&'static str, fn(&Falco) -> Read);

const READERS: [Reader; 10] = [
    ("iterator", iterator),
    ("stream", stream),
    ("smol", stream_on_smol),
    ("callback", callback),
    ("falco-json", to_falco_json),
    ("go-json", to_go_json),
    ("proto-json", to_proto_json),
    ("floor", grpc::floor),
    ("grpcio", grpc::on_its_thread),
    ("grpcio-block-on", grpc::block_on_each),
];

/// The first alert says only that the subscription stands.
fn watched(read: &mut Read, alert: &Alert) {
    if read.alerts() > 0 {
        read.came(alert.seconds(), alert.nanos());
    }
    add(read, alert);
}

fn watch(endpoint: &str, alerts: u64) -> Read {
    let mut read = Read::default();
    for alert in Client::open(endpoint).unwrap().subscribe().unwrap() {
        watched(&mut read, &alert.unwrap());
        if read.alerts() == alerts {
            break;
        }
    }
    read
}

async fn watch_stream(endpoint: &str, alerts: u64) -> Read {
    let mut read = Read::default();
    let mut stream = Client::open(endpoint).unwrap().subscribe().unwrap();
    while read.alerts() < alerts {
        watched(&mut read, &stream.next().await.unwrap().unwrap());
    }
    read
}
