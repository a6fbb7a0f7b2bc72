//! Alerts that Falco posts over HTTP.

mod answered;
mod curl;
mod hostile;
mod idle;
mod limit;
mod peers;
mod senders;
mod tls;
mod token;

use falco_client::{Alerts, Client, Config, Endpoint};

use crate::common::posting::Poster;
use crate::common::{next, LIMIT};

/// A port that is listened on, and what comes there.
pub struct Listening {
    pub client: Client,
    pub alerts: Alerts,
}

impl Listening {
    pub fn start() -> Listening {
        Listening::with(|config| config)
    }

    pub fn with(set: impl FnOnce(Config) -> Config) -> Listening {
        Listening::of(set(Config::new("listen+http://127.0.0.1:0")))
    }

    pub fn of(config: Config) -> Listening {
        let client = Client::new(config).unwrap();
        let alerts = client.subscribe().unwrap();
        Listening { client, alerts }
    }

    pub fn address(&self) -> String {
        let Endpoint::Listen { host, port, .. } = self.client.endpoint() else {
            panic!("{}", self.client.endpoint());
        };
        format!("{host}:{port}")
    }

    pub fn poster(&self) -> Poster {
        Poster::connect(&self.address()).unwrap()
    }

    pub fn number(&mut self) -> usize {
        next(&mut self.alerts)
    }

    /// The next item, which is an error.
    pub fn error(&mut self) -> falco_client::Error {
        self.alerts.recv_timeout(LIMIT).unwrap().unwrap_err()
    }
}
