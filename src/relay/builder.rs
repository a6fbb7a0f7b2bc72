//! Sets up and starts a relay.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::admission::{Admission, Filter};
use super::dead_letters::DeadLetters;
use super::event_counts::EventCounts;
use super::metrics::Metrics;
use super::pull::Puller;
use super::sink::{Sink, StartSink};
use super::sink_queue::SinkQueue;
use super::source::{Names, RunningSource};
use super::spool::{Sinks, Spool, Storage};
use super::status::Watched;
use super::trail::Trail;
use super::Relay;
use crate::alert::Alert;
use crate::api::version;
use crate::client::Client;
use crate::config::{Config, Overflow};
use crate::error::{Error, Result};
use crate::falco_api::parse_version;
use crate::util::lock::lock;

/// The version that gRPC clients see where no source has reported its own.
const DEFAULT_VERSION: &str = "0.43.1+falco-client";

/// How many bytes a spool holds by default.
const IN_MEMORY: u64 = 64 << 20;
const ON_DISK: u64 = 1 << 30;

/// The pause between two attempts to learn the version of a source.
const VERSION_RETRY: Duration = Duration::from_secs(5);

/// A source, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub config: Config,
    /// None: by its endpoint.
    pub name: Option<Arc<str>>,
}

/// Sets up a [`Relay`]. Made by [`Relay::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "nothing moves before start()"]
pub struct RelayBuilder {
    pub(super) from: Vec<Named>,
    pub(super) to: Vec<Sink>,
    pub(super) forget: Vec<Sink>,
    pub(super) spool: Option<PathBuf>,
    spool_bytes: Option<u64>,
    overflow: Overflow,
    pub(super) falco: Option<String>,
    pub(super) metrics: Option<String>,
    metrics_fields: Vec<String>,
    filter: Option<Filter>,
}

impl RelayBuilder {
    /// Adds a source. With several sources each alert gets an output field `relay.source`, the endpoint
    /// that it came from; with one, alerts are forwarded unchanged.
    pub fn from(mut self, source: Config) -> Self {
        self.from.push(Named {
            config: source,
            name: None,
        });
        self
    }

    /// Adds a source that is called `name` in `relay.source`, in `/metrics` and in the log, where
    /// another is called by its endpoint. Each alert then gets the output field, also with one source.
    pub fn from_named(mut self, name: impl Into<Arc<str>>, source: Config) -> Self {
        self.from.push(Named {
            config: source,
            name: Some(name.into()),
        });
        self
    }

    /// Adds a sink. Every sink gets every alert that its [filter](Sink::filter) admits.
    pub fn to(mut self, sink: Sink) -> Self {
        self.to.push(sink);
        self
    }

    /// Keeps alerts that are not delivered yet in this folder, which is created if it is missing, and
    /// which one relay at a time may use. Default: they are kept in memory.
    pub fn spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spool = Some(folder.into());
        self
    }

    /// Drops the alerts that wait in the spool for a former sink of this relay, unless another sink is
    /// still to get them. Without this, a relay does not start while alerts wait for a former sink.
    ///
    /// The sink is recognised by its address, in any spelling; secrets in it can be left out.
    pub fn forget(mut self, sink: Sink) -> Self {
        self.forget.push(sink);
        self
    }

    /// How many bytes of alerts the spool holds. Default: 64 MiB in memory, 1 GiB on disk.
    pub fn spool_bytes(mut self, bytes: u64) -> Self {
        self.spool_bytes = Some(bytes);
        self
    }

    /// What happens when the spool is full. Default: [`Overflow::Wait`], the sources are held up.
    ///
    /// With [`Overflow::DropOldest`] a sink still gets the alerts that it was being given when they
    /// were dropped from the spool: up to 1,024 over gRPC, else up to 320, or
    /// 8,448 where the sink refuses them.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// The version of Falco that gRPC clients see, as in `0.44.0`. Default: that of the first source on
    /// gRPC, once it is known; until then, and without such a source, `0.43.1+falco-client`.
    pub fn falco(mut self, version: impl Into<String>) -> Self {
        self.falco = Some(version.into());
        self
    }

    /// Answers `GET /healthz` and `GET /metrics` (Prometheus) at this address, as in
    /// `127.0.0.1:9376`; port 0 is any free port. Default: not served.
    pub fn metrics(mut self, address: impl Into<String>) -> Self {
        self.metrics = Some(address.into());
        self
    }

    /// Counts alerts in `/metrics` by this output field as well, as in `k8s.ns.name`, beside rule,
    /// priority, source and hostname. Default: no field. Up to 2,000 combinations are counted apart.
    pub fn metrics_field(mut self, name: impl Into<String>) -> Self {
        self.metrics_fields.push(name.into());
        self
    }

    /// Forwards only alerts for which `filter` returns true. Default: all. It runs where alerts arrive,
    /// and should be quick. What it leaves out is counted in [`Status::filtered`](super::Status).
    pub fn filter(mut self, filter: impl Fn(&Alert) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Filter(Arc::new(filter)));
        self
    }

    /// Opens the spool, listens, connects and starts to move alerts.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] without a source or a sink, or with one of them twice, or with an option that
    /// a sink has no use for; the errors of [`Client::new`](crate::Client::new) and of the embedded
    /// server for an endpoint or its certificates; [`Error::Spool`], also where alerts wait in the
    /// spool for a sink that is neither named nor to be [forgotten](RelayBuilder::forget).
    pub fn start(self) -> Result<Relay> {
        let identities: Vec<_> = self.to.iter().map(Sink::identity).collect();
        let forget: Vec<_> = self.forget.iter().map(Sink::identity).collect();
        self.check_sinks(&identities)?;
        self.check_forgotten(&identities, &forget)?;
        let version = parse_version(self.falco.as_deref().unwrap_or(DEFAULT_VERSION))?;
        let clients = self
            .from
            .iter()
            .map(|source| Client::new(source.config.clone()))
            .collect::<Result<Vec<_>>>()?;
        self.check_sources(&clients.iter().collect::<Vec<_>>())?;
        let dead_letters = Arc::new(DeadLetters::new(self.spool.as_deref()));
        let (storage, usual) = match self.spool {
            Some(folder) => (Storage::Disk(folder, dead_letters.clone()), ON_DISK),
            None => (Storage::Memory, IN_MEMORY),
        };
        let capacity = self.spool_bytes.unwrap_or(usual);
        let sinks = Sinks {
            named: &identities,
            forget: &forget,
            of_address: Sink::identify,
        };
        let spool = Arc::new(Spool::open(storage, capacity, self.overflow, &sinks)?);
        let counts = self
            .metrics
            .is_some()
            .then(|| EventCounts::new(self.metrics_fields.clone()));
        let of_sinks: Option<Vec<Filter>> =
            self.to.iter().map(|sink| sink.filter.clone()).collect();
        let of_sinks = of_sinks.unwrap_or_default();
        let admission = Arc::new(Admission::new(self.filter.clone(), of_sinks, counts));
        let mut relay = Relay {
            watched: Arc::new(Watched::new(spool.clone(), admission.clone(), dead_letters)),
            sinks: Vec::new(),
            sources: Mutex::default(),
            pulling: Mutex::default(),
            finished: Arc::default(),
            threads: Arc::default(),
            trail: Arc::new(Trail::new()),
            metrics: None,
        };
        let labelled = clients.len() > 1 || self.from.iter().any(|one| one.name.is_some());
        for (number, sink) in self.to.iter().enumerate() {
            relay.start_sink(sink, number, labelled, &version)?;
        }
        if let Some(address) = &self.metrics {
            relay.metrics = Some(Metrics::start(address, relay.watched.clone())?);
        }
        let puller = Puller::default();
        let mut started = Ok(());
        for (client, source) in clients.iter().zip(&self.from) {
            let endpoint: Arc<str> = client.endpoint().to_string().into();
            let name = source.name.clone().unwrap_or(endpoint.clone());
            let names = Names { name, endpoint };
            started = relay.start_source(client, names, &spool, &admission, &puller);
            if started.is_err() {
                break;
            }
        }
        // In any case, as the sources that have started may have brought alerts.
        *lock(&relay.pulling) = puller.start()?;
        started?;
        if self.falco.is_none() {
            relay.adopt_version(clients)?;
        }
        Ok(relay)
    }
}

impl Relay {
    /// Sets up a relay.
    pub fn builder() -> RelayBuilder {
        RelayBuilder::default()
    }

    fn start_sink(
        &mut self,
        sink: &Sink,
        number: usize,
        labelled: bool,
        version: &version::Response,
    ) -> Result<()> {
        let name: Arc<str> = sink.to_string().into();
        let progress = self.watched.sink(name.clone());
        let (spool, filter) = (self.watched.spool.clone(), sink.filter.clone());
        let started = sink.target().start(StartSink {
            queue: SinkQueue::new(spool, number, filter, progress.clone()),
            progress,
            dead_letters: self.watched.dead_letters.clone(),
            name,
            threads: &self.threads,
            labelled,
            tls: sink.tls.as_ref(),
            fan_out: sink.fan_out,
            sink,
            version,
            trail: Some(&self.trail),
            hand_over: None,
        });
        self.sinks.push(started?);
        Ok(())
    }

    fn start_source(
        &self,
        client: &Client,
        names: Names,
        spool: &Arc<Spool>,
        admission: &Arc<Admission>,
        puller: &Puller,
    ) -> Result<()> {
        let finished = &self.finished;
        let source = match client.endpoint().grpc() {
            Some(_) => {
                let handle = puller.add(
                    client,
                    names.clone(),
                    spool,
                    admission,
                    &self.trail,
                    finished,
                )?;
                RunningSource::pulled(names, handle)
            }
            None => RunningSource::take(client, names, spool, admission, &self.trail, finished)?,
        };
        self.watched
            .source(source.names.clone(), source.handle.clone());
        lock(&self.sources).push(source);
        Ok(())
    }

    /// Lets gRPC clients see the version of the first source on gRPC, once it is known.
    fn adopt_version(&self, clients: Vec<Client>) -> Result<()> {
        let Some(client) = clients
            .into_iter()
            .find(|client| client.connection().is_ok())
            .filter(|_| self.sinks.iter().any(|sink| sink.endpoint().is_some()))
        else {
            return Ok(());
        };
        let (sinks, stop) = (self.sinks.clone(), self.threads.stop_signal().clone());
        let name = client.endpoint().to_string();
        let ask = move || loop {
            match client.version() {
                Ok(version) => {
                    for sink in &sinks {
                        sink.set_version(version.clone());
                    }
                    return;
                }
                // Falco 0.18 and 0.19 have no version service.
                Err(Error::Unimplemented { .. }) => return,
                Err(_) if stop.pause(VERSION_RETRY) => return,
                Err(_) => {}
            }
        };
        self.threads
            .spawn(ask)
            .map_err(|error| Error::no_thread(name, "to ask its version", error))
    }
}
