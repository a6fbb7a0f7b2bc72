//! A Falco in this process, with recorded alerts.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use falco_client::server::Server;
use falco_client::{recording, Alert, Config, Error};
use tempfile::TempDir;

use crate::commands::demo::{temporary_folder, RECORDINGS};
use crate::diagnostics::Failure;

pub struct BuiltIn {
    server: Arc<Server>,
    messages: Arc<[Vec<u8>]>,
    _folder: TempDir,
}

impl BuiltIn {
    /// Holds `backlog` alerts.
    pub fn start(backlog: u32) -> Result<BuiltIn, Failure> {
        let folder = temporary_folder()?;
        let listen = format!("unix://{}/falco.sock", folder.path().display());
        let server = Server::builder().listen(listen).start()?;
        let messages: Result<Vec<_>, Error> = RECORDINGS
            .iter()
            .flat_map(|bytes| recording::read_messages(bytes))
            .collect();
        let messages: Arc<[_]> = messages?.into();
        for message in messages.iter().cycle().take(backlog as usize) {
            server.push_bytes(message.clone());
        }
        Ok(BuiltIn {
            server: Arc::new(server),
            messages,
            _folder: folder,
        })
    }

    pub fn config(&self) -> Config {
        Config::new(self.server.endpoint().to_string())
    }

    /// Emits alerts for a time, at random intervals (a Poisson process).
    pub fn emit(&self, rate: NonZeroU32, time: Duration) {
        let (server, messages) = (self.server.clone(), self.messages.clone());
        thread::spawn(move || {
            let mut next = Instant::now();
            let end = next + time;
            for message in messages.iter().cycle() {
                if Instant::now() >= end {
                    break;
                }
                let pause = -(1.0 - fastrand::f64()).ln() / f64::from(rate.get());
                next += Duration::from_secs_f64(pause);
                thread::sleep(next.saturating_duration_since(Instant::now()));
                // A later field replaces an earlier one.
                let time = Alert::builder().time(SystemTime::now()).build();
                server.push_bytes([message.as_slice(), time.as_bytes()].concat());
            }
        });
    }
}
