//! What each kind of sink implements.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::fs::{access, Access};

use super::Sink;
use crate::api::version;
use crate::diagnose::{Finding, Step};
use crate::endpoint::Endpoint;
use crate::endpoint::Place;
use crate::error::{Error, Result};
use crate::relay::dead_letters::DeadLetters;
use crate::relay::deliver::{Deliver, Worker};
use crate::relay::identity::SinkIdentity;
use crate::relay::progress::Progress;
use crate::relay::sink_queue::SinkQueue;
use crate::relay::threads::Threads;
use crate::relay::trail::Trail;
use crate::tls::Tls;
use crate::util::lock::lock;

/// A kind of sink, with its address. It displays as the address without what is secret in it.
pub(in crate::relay) trait Target: fmt::Display {
    /// The name by which the spool knows it from one start to the next, however its address is spelt.
    fn identity(&self) -> SinkIdentity;

    /// Where alerts go, so that none goes back to where it came from.
    fn place(&self) -> Place;

    /// Whether it needs or may take certificates.
    fn may_have_tls(&self) -> bool;

    /// Whether it can send headers.
    fn may_have_headers(&self) -> bool {
        false
    }

    /// Whether it has clients, each of which may get every alert.
    fn may_fan_out(&self) -> bool {
        false
    }

    /// Checks without delivering anything whether it can be reached, with the options of `sink`.
    fn check(&self, sink: &Sink, findings: &mut Vec<Finding>) -> Result<(), Finding>;

    /// Starts to deliver. A sink that implements [`Deliver`] does so with [`StartSink::deliver`].
    fn start(&self, start: StartSink<'_>) -> Result<Arc<dyn RunningSink>>;
}

/// What a sink is started with.
pub(in crate::relay) struct StartSink<'a> {
    /// Its address, as it is shown.
    pub name: Arc<str>,
    pub queue: SinkQueue,
    pub progress: Arc<Progress>,
    pub dead_letters: Arc<DeadLetters>,
    pub threads: &'a Threads,
    /// Whether each alert is to name its source.
    pub labelled: bool,
    pub tls: Option<&'a Tls>,
    pub fan_out: bool,
    /// All of its options.
    pub sink: &'a Sink,
    /// Which Falco its clients are to see.
    pub version: &'a version::Response,
    /// The relays that alerts have passed, this one and others. None where it is no relay that sends.
    pub trail: Option<&'a Arc<Trail>>,
    /// Takes what delivers to the sink, instead of a thread.
    pub hand_over: Option<&'a HandOver>,
}

/// Where a sink leaves what delivers to it.
pub(in crate::relay) type HandOver = Mutex<Option<Box<dyn Deliver>>>;

impl StartSink<'_> {
    /// Starts a thread that delivers the alerts of the spool, until it is closed.
    pub(super) fn deliver(self, sink: impl Deliver) -> Result<Arc<dyn RunningSink>> {
        if let Some(hand_over) = self.hand_over {
            *lock(hand_over) = Some(Box::new(sink));
            return Ok(Arc::new(()));
        }
        let worker = Worker {
            sink,
            name: self.name.clone(),
            identity: self.sink.identity(),
            queue: self.queue,
            progress: self.progress,
            dead_letters: self.dead_letters,
            stop: self.threads.stop_signal().clone(),
            draining: self.threads.draining().clone(),
            labelled: self.labelled,
        };
        spawn(self.threads, &self.name, move || worker.run())?;
        Ok(Arc::new(()))
    }
}

/// Starts a thread that ends when the spool is closed.
pub(super) fn spawn(
    threads: &Threads,
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<()> {
    let spawned = threads.spawn(run);
    spawned.map_err(|error| Error::no_thread(name, "for it", error))
}

/// What a relay asks of a sink that runs.
pub(in crate::relay) trait RunningSink: Send + Sync {
    /// Where clients connect to it.
    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    /// Changes which Falco its clients see.
    fn set_version(&self, _version: version::Response) {}

    /// Ends what does not end with its threads.
    fn stop(&self, _grace: Duration) {}
}

/// A sink that consists of its threads.
impl RunningSink for () {}

/// Whether this user can make this file, which is not there yet.
pub(super) fn probe_folder(path: &Path, step: Step) -> Result<Finding, Finding> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Ok(Finding::ok(step, "it can be created")),
        Err(error) => {
            let problem = format!("its folder cannot be written to: {error}");
            let remedy = "make the folder, and let this user write to it";
            Err(Finding::failed(step, (problem, remedy)))
        }
    }
}
