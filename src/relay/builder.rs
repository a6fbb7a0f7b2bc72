//! Setting up a relay, and starting it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::append::Append;
use super::deliver::{Deliver, Delivery, Progress};
use super::metrics::Metrics;
use super::post::Post;
use super::serve::Serve;
use super::sink::{Kind, Sink};
use super::source::Source;
use super::spool::{Spool, Storage};
use super::status::Watched;
use super::Relay;
use crate::api::version;
use crate::client::Client;
use crate::config::{Config, Overflow};
use crate::error::{Error, Result};
use crate::falco_api::{parse_version, ApiServer, Services, Settings};
use crate::util::lock::lock;
use crate::util::thread::spawn_named;

/// How many streams of each kind are served at once, where Falco serves ten for each thread.
const STREAMS: usize = 1000;

/// The Falco whose API this is, where nobody says which sends the alerts.
const UNKNOWN: &str = "0.43.1+falco-client";

/// Sets up a [`Relay`]. Made by [`Relay::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing moves before start()"]
pub struct RelayBuilder {
    from: Vec<Config>,
    to: Vec<Sink>,
    spool: Option<PathBuf>,
    spool_bytes: Option<u64>,
    overflow: Overflow,
    falco: Option<String>,
    metrics: Option<String>,
}

impl RelayBuilder {
    /// Adds a source. With several, each alert has an output field `relay.source`, the endpoint that
    /// it came from; with one, alerts are passed on as they are.
    pub fn from(mut self, source: Config) -> Self {
        self.from.push(source);
        self
    }

    /// Adds a sink. Each gets every alert.
    pub fn to(mut self, sink: Sink) -> Self {
        self.to.push(sink);
        self
    }

    /// Keeps what is not delivered in this folder, which is created where it is missing, and used by
    /// one relay at a time. Default: none, it is kept in memory.
    pub fn spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spool = Some(folder.into());
        self
    }

    /// How many bytes of alerts the spool holds. Default: 64 MiB in memory, 1 GiB on disk.
    pub fn spool_bytes(mut self, bytes: u64) -> Self {
        self.spool_bytes = Some(bytes);
        self
    }

    /// What happens when the spool is full. Default: [`Overflow::Wait`], the sources are held up.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// The version that gRPC clients are told, as in `0.44.0`. Default: that of a source on gRPC, once
    /// it is known, or else `0.43.1+falco-client`, whose API this is.
    pub fn falco(mut self, version: impl Into<String>) -> Self {
        self.falco = Some(version.into());
        self
    }

    /// Answers `GET /healthz` and `GET /metrics` (Prometheus) at this address, as in
    /// `127.0.0.1:9376`; port 0 is any free one. Default: nowhere.
    pub fn metrics(mut self, address: impl Into<String>) -> Self {
        self.metrics = Some(address.into());
        self
    }

    /// Opens the spool, listens, connects and begins.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] without a source or a sink, or with one of them twice; what
    /// [`Client::new`] and the embedded server say of an endpoint or its certificates;
    /// [`Error::Spool`].
    pub fn start(self) -> Result<Relay> {
        if self.from.is_empty() || self.to.is_empty() {
            return Err(bad("relay", "needs a source and a sink; give one of each"));
        }
        let names: Vec<String> = self.to.iter().map(Sink::to_string).collect();
        if let Some(twice) = twice(&names) {
            return Err(bad("to", &format!("{twice} is given twice; give it once")));
        }
        let answer = parse_version(self.falco.as_deref().unwrap_or(UNKNOWN))?;
        let clients = self
            .from
            .iter()
            .map(|config| Client::new(config.clone()))
            .collect::<Result<Vec<_>>>()?;
        let endpoints: Vec<_> = clients
            .iter()
            .map(|one| one.endpoint().to_string())
            .collect();
        if let Some(twice) = twice(&endpoints) {
            return Err(bad(
                "from",
                &format!("{twice} is given twice; give it once"),
            ));
        }
        if let Some(both) = names
            .iter()
            // Standard input and standard output are two things.
            .find(|name| *name != "-" && endpoints.contains(name))
        {
            let problem = format!("{both} is a source and a sink; alerts would go round for ever");
            return Err(bad("to", &problem));
        }
        let (storage, usual) = match self.spool {
            Some(folder) => (Storage::Disk(folder), 1 << 30),
            None => (Storage::Memory, 64 << 20),
        };
        let capacity = self.spool_bytes.unwrap_or(usual);
        let spool = Arc::new(Spool::open(storage, capacity, self.overflow, &names)?);
        let mut relay = Relay {
            watched: Arc::new(Watched::new(spool.clone())),
            servers: Vec::new(),
            sources: Mutex::default(),
            finished: Arc::default(),
            delivering: Arc::default(),
            stop: Arc::default(),
            threads: Mutex::default(),
            metrics: None,
        };
        let labelled = clients.len() > 1;
        for (number, (sink, name)) in self.to.into_iter().zip(names).enumerate() {
            relay.sink(sink, name, number, labelled, &answer)?;
        }
        if let Some(address) = &self.metrics {
            relay.metrics = Some(Metrics::start(address, relay.watched.clone())?);
        }
        for client in &clients {
            let source = Source::start(client, &spool, &relay.finished)?;
            relay
                .watched
                .source(source.name.clone(), source.handle.clone());
            lock(&relay.sources).push(source);
        }
        if self.falco.is_none() {
            relay.ask_version(clients)?;
        }
        Ok(relay)
    }
}

fn twice(names: &[String]) -> Option<&String> {
    let mut before = names.iter().enumerate();
    before.find_map(|(place, name)| names.get(..place)?.contains(name).then_some(name))
}

fn bad(option: &'static str, problem: &str) -> Error {
    Error::Config {
        option,
        problem: problem.to_owned(),
    }
}

impl Relay {
    fn sink(
        &mut self,
        sink: Sink,
        name: String,
        number: usize,
        labelled: bool,
        answer: &version::Response,
    ) -> Result<()> {
        let tls = sink.tls.as_ref();
        if tls.is_some() && !sink.may_have_tls() {
            return Err(bad("tls", &format!("{name} has no TLS; leave it out")));
        }
        let progress = self.watched.sink(name.as_str().into());
        match &sink.kind {
            Kind::Post(url) => self.deliver(
                Post::new(url, &name, tls, labelled)?,
                name,
                number,
                progress,
            ),
            Kind::File(path) => {
                let file = Append::new(Some(path.clone()), labelled);
                self.deliver(file, name, number, progress)
            }
            Kind::Stdout => {
                let stdout = Append::new(None, labelled);
                self.deliver(stdout, name, number, progress)
            }
            Kind::Grpc(endpoint) => {
                let server = Arc::new(ApiServer::start(Settings {
                    endpoint,
                    tls,
                    threads: 1,
                    streams: STREAMS,
                    fan_out: sink.fan_out,
                    services: Services {
                        output: false,
                        outputs: true,
                        version: true,
                    },
                    version: answer.clone(),
                })?);
                self.servers.push(server.clone());
                let serve = Arc::new(Serve {
                    server,
                    number,
                    spool: self.watched.spool.clone(),
                    progress,
                    labelled,
                });
                let feeding = serve.clone();
                self.spawn(&name, move || feeding.feed())?;
                self.spawn(&name, move || serve.confirm())
            }
        }
    }

    fn deliver<D: Deliver>(
        &self,
        sink: D,
        name: String,
        number: usize,
        progress: Arc<Progress>,
    ) -> Result<()> {
        let delivery = Delivery {
            sink,
            name: name.as_str().into(),
            number,
            spool: self.watched.spool.clone(),
            progress,
            stop: self.stop.clone(),
        };
        self.spawn(&name, move || delivery.run())
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let delivering = self.delivering.clone();
        delivering.starts();
        let run = move || {
            run();
            delivering.ends();
        };
        let thread = spawn_named("relay-sink", run).map_err(|error| Error::Listen {
            endpoint: name.to_owned(),
            problem: format!("no thread for it: {error}; allow more threads"),
            source: Some(error.into()),
        })?;
        lock(&self.threads).push(thread);
        Ok(())
    }

    /// Tells gRPC clients which Falco it is, once a source has said so.
    fn ask_version(&self, clients: Vec<Client>) -> Result<()> {
        let Some(client) = clients
            .into_iter()
            .find(|client| client.connection().is_ok())
            .filter(|_| !self.servers.is_empty())
        else {
            return Ok(());
        };
        let (servers, stop) = (self.servers.clone(), self.stop.clone());
        self.spawn("version", move || loop {
            match client.version() {
                Ok(answer) => {
                    for server in &servers {
                        server.set_version(answer.clone());
                    }
                    return;
                }
                // Falco 0.18 and 0.19 do not tell.
                Err(Error::Unimplemented { .. }) => return,
                Err(_) if stop.pause(Duration::from_secs(5)) => return,
                Err(_) => {}
            }
        })
    }
}
