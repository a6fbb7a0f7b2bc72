//! An embedded Falco for tests: it serves Falco's gRPC API as Falco does, with the alerts that you
//! give it.
//!
//! It needs the feature `server`:
//!
//! ```toml
//! [dev-dependencies]
//! falco-client = { version = "0.1", features = ["server"] }
//! ```
//!
//! A test of a program that reads alerts:
//!
//! ```
//! use falco_client::{server::Server, Alert, Client, Priority};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let falco = Server::builder()
//!     .listen(format!("unix://{}", folder.path().join("falco.sock").display()))
//!     .start()?;
//! falco.push(
//!     Alert::builder()
//!         .rule("Terminal shell in container")
//!         .priority(Priority::Notice)
//!         .field("proc.name", "bash")
//!         .build(),
//! );
//!
//! let client = Client::open(&falco.endpoint().to_string())?;
//! let alerts = client.get()?.into_iter().collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(alerts[0].field("proc.name"), Some("bash"));
//! assert_eq!(falco.queued(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! # As Falco does
//!
//! - All clients pop from one queue without a bound: an alert reaches one client, once, and is
//!   gone when it is written. [`Server::queued`] returns how many wait.
//! - `get` writes until the queue is empty, then ends with OK.
//! - `sub` writes only in answer to a request, until the queue is empty, and then waits for the
//!   next request. Before the first alert no response headers come.
//! - After a half-close or an undecodable request, a `sub` stays open without a status.
//! - At most 10 × [`threadiness`](ServerBuilder::threadiness) streams of each of the two are
//!   served at a time; the others wait without an error, and `version` still answers.
//! - Cancelling a call loses the alerts in flight.
//! - A `sub` keeps [`Server::stop`] waiting until its client asks again; then it ends with OK.
//!
//! # Each generation
//!
//! [`ServerBuilder::falco`] says which Falco it is. A method that this one does not have is
//! UNIMPLEMENTED.
//!
//! | Falco | alerts | `version` |
//! | --- | --- | --- |
//! | 0.18, 0.19 | `falco.output.service/subscribe` | |
//! | 0.20 to 0.23 | `falco.output.service/subscribe` | yes |
//! | 0.24 to 0.43 | `falco.outputs.service/get` and `/sub` | yes |
//! | 0.44 and later | | |
//!
//! - `subscribe` with `keepalive` false writes until the queue is empty, then ends with OK; so
//!   it does when Falco stops.
//! - With `keepalive` true it follows until Falco stops, and loses alerts: one that waits in the
//!   queue when the one before has been written is held until the next comes, and then only that
//!   next one is written. After its client has gone it takes one or two alerts more with it.
//!   Unlike Falco's, it neither spins nor keeps a thread from other calls while it waits.
//! - `version` reports the engine since 0.27. The checksum of its fields is that of 0.43, else empty.
//!
//! Alerts are sent as they are given, whatever fields that Falco had.

mod builder;
mod release;
mod replay;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

pub use builder::ServerBuilder;
pub use replay::Replay;

use crate::alert::Alert;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::falco_api::ApiServer;

/// A running server. Dropping it ends it at once, [`stop`](Server::stop) does so in order.
///
/// Either way its threads, its socket file and the alerts in its queue are gone afterwards.
#[must_use = "dropping it ends it"]
pub struct Server {
    api: ApiServer,
}

impl Server {
    /// Where it listens, with the real port.
    pub fn endpoint(&self) -> Endpoint {
        self.api.endpoint().clone()
    }

    /// Appends an alert to the queue. As in Falco, no client is notified: a `sub` gets it with
    /// its next request.
    pub fn push(&self, alert: Alert) {
        self.api.queue().push(alert.into_bytes());
    }

    /// As [`push`](Self::push), with a message's bytes, which need not be a valid message.
    pub fn push_bytes(&self, message: impl Into<Vec<u8>>) {
        self.api.queue().push(message.into());
    }

    /// Appends alerts to the queue, one after the other.
    pub fn extend(&self, alerts: impl IntoIterator<Item = Alert>) {
        alerts.into_iter().for_each(|alert| self.push(alert));
    }

    /// Appends messages to the queue from a thread of its own, in order: at once, or at
    /// a rate per second. The thread ends when `messages` does, with [`Replay::stop`], or with the server.
    ///
    /// An endless iterator needs a rate, as the queue has no bound. The end of the server waits
    /// for an iterator that blocks.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] when no thread can be started.
    pub fn replay<M>(&self, messages: M, rate: Option<NonZeroU32>) -> Result<Replay>
    where
        M: IntoIterator<Item = Vec<u8>>,
        M::IntoIter: Send + 'static,
    {
        let replay = Replay::start(self.api.state(), messages.into_iter(), rate);
        replay.map_err(|error| Error::no_thread(self.api.endpoint(), "for a replay", error))
    }

    /// How many alerts wait in the queue.
    pub fn queued(&self) -> usize {
        self.api.queue().len()
    }

    /// How many alerts were written to clients, whether or not they arrived.
    pub fn written(&self) -> u64 {
        self.api.queue().written()
    }

    /// Ends the server as SIGTERM ends Falco, and returns when it has ended.
    ///
    /// New calls fail with UNAVAILABLE. A `get` ends with OK, and so does a `sub` when its
    /// client asks again; what the queue holds is lost. A `sub` whose client does not ask keeps
    /// it waiting: where Falco hangs, this cancels the calls that are left after `grace`.
    /// [`written`](Server::written) and [`queued`](Server::queued) are final then.
    pub fn stop(&self, grace: Duration) {
        self.api.stop(grace);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("endpoint", self.api.endpoint())
            .field("queued", &self.queued())
            .field("written", &self.written())
            .finish()
    }
}
