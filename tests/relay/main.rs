//! Alerts that move on: from every source to every sink, through a spool.

#[path = "../common/mod.rs"]
mod common;

mod asked;
mod batched;
#[cfg(feature = "kafka")]
mod brokers;
mod command;
mod configured;
mod damaged;
mod dashboards;
mod dead_letters;
mod exposition;
mod fanned;
mod filtered;
mod hanging;
#[cfg(feature = "kafka")]
mod kafka;
mod moved;
mod outlived;
mod redis;
mod refused;
mod returning;
mod returning_grpc;
mod service;
mod spooled;
mod stalled;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use falco_client::relay::{Relay, RelayBuilder};
use falco_client::{Alert, Alerts, Client, Config};

use common::posting::Poster;
use common::{line, LIMIT};
use tempfile::TempDir;

/// The folder of what a relay uses.
pub struct Rig {
    pub folder: TempDir,
}

impl Rig {
    pub fn set_up() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        Rig { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn socket(&self, name: &str) -> String {
        format!("unix://{}", self.path(name).display())
    }
}

/// A source on any port.
pub fn listening() -> RelayBuilder {
    Relay::builder().from(Config::new("listen+http://127.0.0.1:0"))
}

/// Where the relay's source of this number listens.
pub fn address(relay: &Relay, source: usize) -> String {
    let name = relay.status().sources[source].name.clone();
    name.rsplit_once('/').unwrap().1.to_owned()
}

pub fn poster(relay: &Relay) -> Poster {
    Poster::connect(&address(relay, 0)).unwrap()
}

/// A sink that takes posted alerts: the client itself, and where it listens.
pub fn posted_sink() -> (Alerts, String) {
    let client = Client::open("listen+http://127.0.0.1:0").unwrap();
    let url = client.endpoint().to_string();
    let url = url.strip_prefix("listen+").unwrap().to_owned();
    // The port is listened on as long as the sequence runs.
    (client.subscribe().unwrap(), url)
}

pub fn recv(alerts: &mut Alerts) -> Alert {
    alerts.recv_timeout(LIMIT).unwrap().unwrap()
}

/// What the metrics port of a relay answers.
pub fn get(relay: &Relay, path: &str) -> String {
    get_at(&relay.metrics_address().unwrap(), path)
}

pub fn get_at(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
