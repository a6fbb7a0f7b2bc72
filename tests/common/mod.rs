//! What several tests need.
#![allow(dead_code)] // Each test binary uses its own part.

pub mod certificates;
pub mod failing;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod own_process;
pub mod posting;
pub mod process;
pub mod raw;
pub mod redis;
#[cfg(feature = "kafka")]
pub mod tansu;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use falco_client::server::Server;
use falco_client::{Alert, Alerts, Client, Priority};
use tempfile::TempDir;

/// More than anything here takes on a loaded machine; reaching it is a failure.
pub const LIMIT: Duration = Duration::from_secs(120);

/// An embedded Falco on a socket of its own, and the folder of that socket.
pub struct Falco {
    pub server: Server,
    pub folder: TempDir,
}

impl Falco {
    pub fn start() -> Falco {
        let folder = tempfile::tempdir().unwrap();
        let listen = format!("unix://{}/falco.sock", folder.path().display());
        let server = Server::builder().listen(listen).start().unwrap();
        Falco { server, folder }
    }

    /// One that holds alerts numbered from 0.
    pub fn holding(count: usize) -> Falco {
        let falco = Falco::start();
        falco.push(0..count);
        falco
    }

    pub fn push(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.server.push(numbered(number));
        }
    }

    pub fn endpoint(&self) -> String {
        self.server.endpoint().to_string()
    }

    pub fn client(&self) -> Client {
        Client::open(&self.endpoint()).unwrap()
    }
}

/// An alert of about the usual size that carries a number.
pub fn numbered(number: usize) -> Alert {
    Alert::builder()
        .without_time()
        .rule("Numbered")
        .priority(Priority::Warning)
        .output(format!("{number} {}", "o".repeat(400)))
        .field("number", number.to_string())
        .field("padding", "p".repeat(400))
        .build()
}

/// Falco's line of an alert with this number.
pub fn line(number: usize) -> String {
    numbered(number).falco_json().to_string()
}

pub fn number(alert: &Alert) -> usize {
    alert.field("number").unwrap().parse().unwrap()
}

/// Waits until `condition` holds.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn recordings() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

pub fn numbers(
    alerts: impl IntoIterator<Item = falco_client::Result<falco_client::Alert>>,
) -> Vec<usize> {
    alerts
        .into_iter()
        .map(|alert| number(&alert.unwrap()))
        .collect()
}

pub fn next(alerts: &mut Alerts) -> usize {
    number(&alerts.recv_timeout(LIMIT).unwrap().unwrap())
}
