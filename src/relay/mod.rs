//! Moving alerts on: from any [`Endpoint`] to Falco's own gRPC API, to HTTP or to files.
//!
//! With it programs that read Falco over gRPC go on as they are with a Falco that has none:
//!
//! ```no_run
//! use falco_client::{relay::Relay, Config};
//!
//! # fn main() -> falco_client::Result<()> {
//! let relay = Relay::builder()
//!     .from(Config::new("listen+http://0.0.0.0:2801")) // http_output of Falco 0.44
//!     .to("grpc".parse()?)                             // unix:///run/falco/falco.sock
//!     .to("http://falcosidekick:2801".parse()?)
//!     .spool("/var/spool/falco-client")
//!     .start()?;
//! # std::thread::park();
//! let left = relay.stop(std::time::Duration::from_secs(10));
//! println!("{left} alerts are left in the spool");
//! # Ok(())
//! # }
//! ```
//!
//! It needs the feature `relay`.
//!
//! # What is delivered, and how often
//!
//! Each alert is delivered to each sink, in the order in which it came. While a sink is down alerts
//! wait in the *spool*, in memory or on disk, for all sinks that lack them; when that is full the
//! sources are held up, unless [`RelayBuilder::overflow`] says otherwise.
//!
//! - A posted alert is answered once it is in the spool. One that was pulled over gRPC is gone from
//!   Falco before it is there: up to 8 MiB of these are lost when this process is killed.
//! - A sink on HTTP has an alert when it has answered with 2xx. A file has it when it is written
//!   through to the disk. A gRPC client has it when it is written to its connection: as with Falco
//!   itself, what is on its way is lost when that client is killed.
//! - When this process is killed a sink may get alerts twice: on HTTP the one that was on its way, in a
//!   file up to 256, over gRPC up to 1,024. What is not delivered is in the spool on disk, and gone
//!   from one in memory.
//! - An alert that an HTTP sink refuses itself (400, 413, 415, 422) is logged and given up; any other
//!   failure is tried again for ever, after 0.1 s to 5 s.
//! - A file is read on where it was left, where the spool is on disk; else from its beginning.
//! - Messages that are no alert go on over gRPC as they came, and are logged where JSON is wanted.
//!
//! # Power loss
//!
//! What is in a spool on disk survives the end of the process, however it comes, at once. It is
//! written through to the disk a second after it came, so that a loss of power costs at most that
//! last second.

mod append;
mod builder;
mod deliver;
mod label;
mod metrics;
mod native;
mod post;
mod serve;
mod sink;
mod source;
mod spool;
mod status;
mod stop;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;
use crate::falco_api::ApiServer;
use crate::util::lock::lock;
use metrics::Metrics;
use source::Source;
use status::Watched;
use stop::{Finished, Stop};

pub use builder::RelayBuilder;
pub use sink::Sink;
pub use status::{SinkStatus, SourceStatus, Status};

/// How long streams of gRPC clients, and sources that were cancelled, may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// Beyond the clock's range nobody waits.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Moves alerts until it is [stopped](Relay::stop) or dropped.
#[must_use = "dropping it stops it at once"]
pub struct Relay {
    watched: Arc<Watched>,
    servers: Vec<Arc<ApiServer>>,
    sources: Mutex<Vec<Source>>,
    finished: Arc<Finished>,
    /// The threads of sinks.
    delivering: Arc<Finished>,
    stop: Arc<Stop>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    metrics: Option<Metrics>,
}

impl Relay {
    /// Sets up a relay.
    pub fn builder() -> RelayBuilder {
        RelayBuilder::default()
    }

    /// How it stands: its sources, its spool and its sinks.
    pub fn status(&self) -> Status {
        self.watched.status()
    }

    /// Where gRPC is served, with the real ports.
    pub fn grpc_endpoints(&self) -> Vec<Endpoint> {
        self.servers
            .iter()
            .map(|server| server.endpoint().clone())
            .collect()
    }

    /// Where `/healthz` and `/metrics` are, as `ADDR:PORT`.
    pub fn metrics_address(&self) -> Option<String> {
        self.metrics.as_ref().map(Metrics::address)
    }

    /// Waits until every source has ended, as standard input does with its end. Others end only when
    /// they cannot go on.
    pub fn wait(&self) {
        self.finished.wait(None);
    }

    /// Stops in order: the sources first, taking what is on its way; then what is in the spool is
    /// delivered, as far as that goes `within` this time. How many alerts are left in the spool:
    /// on disk they wait there for the next relay, in memory they are lost.
    pub fn stop(&self, within: Duration) -> u64 {
        let now = Instant::now();
        let until = now.checked_add(within).unwrap_or(now + FOR_EVER);
        self.watched.set_stopping();
        let mut sources = std::mem::take(&mut *lock(&self.sources));
        for source in &sources {
            source.handle.close();
        }
        // A source that finds no room must not wait for ever.
        self.finished.wait(Some(until));
        self.watched.spool.wait_empty(until);
        for source in &sources {
            source.handle.cancel();
        }
        let spool = &self.watched.spool;
        match spool.is_on_disk() {
            true => spool.lift_capacity(),
            // What found no room would be answered, and lost all the same.
            false => spool.close_intake(),
        }
        self.finished.wait(Some(Instant::now() + GRACE));
        sources.iter_mut().for_each(Source::join);
        self.end();
        self.watched.spool.usage().alerts
    }

    /// Ends what delivers.
    fn end(&self) {
        self.watched.spool.close_intake();
        self.stop.stop();
        for server in &self.servers {
            server.stop(GRACE);
        }
        self.watched.spool.close();
        // A sink that takes nothing holds up its thread, which is left behind then.
        if !self.delivering.wait(Some(Instant::now() + GRACE)) {
            log::warn!("a sink does not answer, and what was on its way to it is not confirmed");
        }
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            if thread.is_finished() {
                // A panic was told by the thread itself.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for source in lock(&self.sources).iter() {
            source.handle.cancel();
        }
        self.end();
    }
}
