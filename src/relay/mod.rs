//! Forwarding alerts from any [`Endpoint`] to Falco's own gRPC API, to HTTP servers and to files.
//!
//! Programs that read Falco over gRPC keep working, unchanged, with a Falco that has no gRPC:
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
//! # Delivery guarantees
//!
//! Each sink gets every alert that its filter admits, in the order in which they arrived; only an alert that was refused at
//! first may follow later ones. While a sink is down, its alerts
//! wait in the *spool*, in memory or on disk. When the spool is full, the sources are held up, unless
//! [`RelayBuilder::overflow`] says otherwise.
//!
//! - A posted alert is answered once it is in the spool. One that is read over gRPC is deleted by
//!   Falco before that: up to 8 MiB of such alerts are lost if this process is killed.
//! - An HTTP sink has an alert when it has answered with 2xx, a file when the alert is synced to disk,
//!   and a gRPC client when the alert is written to its connection. As with Falco itself, alerts in
//!   flight are lost if that client is killed.
//! - If this process is killed, a sink may get alerts twice: over HTTP the one or the batch in flight, in a file up
//!   to 256, over gRPC up to 1,024. A spool on disk keeps what was not delivered; one in memory is
//!   lost.
//! - An alert that an HTTP sink refuses (400, 413, 415, 422) is retried. If the sink refuses it again
//!   after it has taken a later one, it is given up. So is one on which a sink has failed 5 times in 5 s or
//!   longer, as by hanging up, and does so again while it takes others before and after; an attempt that is not answered
//!   in time counts for 3. A sink that takes nothing, or cannot be connected to, is failing, and nothing is given up:
//!   alerts are retried without limit. Retries are 0.1 s to 5 s apart.
//! - An alert that is given up is counted, and put into the [file of dead letters](DeadLetterFile) in the
//!   folder of the spool, synced before it leaves the spool. With a spool in memory, or once that file
//!   has 128 MiB, it is logged as a whole instead. While that file cannot be written, the alert stays in
//!   the spool, and writing it is retried.
//! - Without a spool on disk, an alert from a log counts as read once all sinks have it: one that a killed relay had
//!   comes again.
//! - With a spool on disk a file is read on where the relay stopped; otherwise from its beginning.
//! - A message that is not an alert is passed on over gRPC unchanged. Sinks that need JSON give it up.
//!
//! # Sinks that change
//!
//! A spool on disk knows its sinks by their addresses, however these are spelt. A relay does not start
//! while alerts wait there for a sink that is no longer named: name it again, or
//! [`forget`](RelayBuilder::forget) it.
//!
//! # Power loss
//!
//! A spool on disk survives the end of the process, however it comes. It is synced to the disk one
//! second after an alert arrived, so that a loss of power costs at most that last second.

mod admission;
mod builder;
mod check;
mod dead_letters;
mod deliver;
mod event_counts;
mod identity;
mod json_line;
mod label;
mod loops;
mod metric_label;
mod metrics;
mod progress;
mod prometheus;
mod pull;
mod resend;
mod shutdown;
mod sink;
mod sink_queue;
mod source;
mod spool;
mod status;
mod threads;
mod trail;
mod unconfirmed;
mod upstream;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;
use crate::util::lock::lock;
use metrics::Metrics;
use shutdown::WaitGroup;
use sink::RunningSink;
use source::RunningSource;
use status::Watched;
use threads::Threads;
use trail::Trail;

pub use builder::RelayBuilder;
pub use dead_letters::{DeadLetter, DeadLetterFile};
pub use resend::Resent;
pub use sink::{Batching, Sink};
pub use status::{SinkStatus, SourceStatus, Status};

/// How long gRPC streams, cancelled sources and the threads of sinks may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// Stands for a time beyond the clock's range.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Moves alerts until it is [stopped](Relay::stop) or dropped.
#[must_use = "dropping it stops it at once"]
pub struct Relay {
    watched: Arc<Watched>,
    sources: Mutex<Vec<RunningSource>>,
    /// Stores the alerts of all sources on gRPC.
    pulling: Mutex<Option<JoinHandle<()>>>,
    /// Counts the sources.
    finished: Arc<WaitGroup>,
    sinks: Vec<Arc<dyn RunningSink>>,
    threads: Arc<Threads>,
    trail: Arc<Trail>,
    metrics: Option<Metrics>,
}

impl Relay {
    /// Returns the current state of its sources, its spool and its sinks.
    pub fn status(&self) -> Status {
        self.watched.status()
    }

    /// Where gRPC is served, with the real ports.
    pub fn grpc_endpoints(&self) -> Vec<Endpoint> {
        let endpoints = self.sinks.iter().filter_map(|sink| sink.endpoint());
        endpoints.cloned().collect()
    }

    /// The address of `/healthz` and `/metrics`, as `ADDR:PORT`.
    pub fn metrics_address(&self) -> Option<String> {
        self.metrics.as_ref().map(Metrics::address)
    }

    /// Waits until every source has ended: standard input with its end, any other only when it cannot
    /// go on.
    pub fn wait(&self) {
        self.finished.wait(None);
    }

    /// Stops in order: first the sources, taking what is in flight; then the spool is delivered, as
    /// far as possible `within` this time. Returns how many alerts are left in the spool: on disk they
    /// wait for the next relay, in memory they are lost.
    pub fn stop(&self, within: Duration) -> u64 {
        let now = Instant::now();
        let until = now.checked_add(within).unwrap_or(now + FOREVER);
        self.watched.set_stopping();
        let sources = std::mem::take(&mut *lock(&self.sources));
        for source in &sources {
            source.handle.close();
        }
        self.threads.draining().stop();
        // With a limit, as a source may be waiting for room.
        self.finished.wait(Some(until));
        self.watched.spool.wait_empty(until);
        for source in &sources {
            source.handle.cancel();
        }
        let spool = &self.watched.spool;
        match spool.is_on_disk() {
            true => spool.lift_capacity(),
            // Otherwise what waits for room would be answered, and lost all the same.
            false => spool.close_intake(),
        }
        self.finished.wait(Some(Instant::now() + GRACE));
        if let Some(thread) = lock(&self.pulling).take() {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
        self.end();
        self.watched.spool.usage().alerts
    }

    /// Ends the sinks.
    fn end(&self) {
        let spool = &self.watched.spool;
        spool.close_intake();
        self.threads.stop_signal().stop();
        for sink in &self.sinks {
            sink.stop(GRACE);
        }
        spool.close();
        // A sink that does not answer blocks its thread.
        if !self.threads.join(GRACE) {
            log::warn!("a sink does not answer, and what is in flight to it is not confirmed");
        }
        spool.release();
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for source in lock(&self.sources).iter() {
            source.handle.cancel();
        }
        self.end();
        // They have the spool, whose folder another relay may use then.
        self.finished.wait(Some(Instant::now() + GRACE));
    }
}
