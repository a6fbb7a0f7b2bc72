//! Finds a source on gRPC that is a relay to which alerts of this one go.
//!
//! The server of a relay tells in the metadata of its version call what an HTTP sink gets as a header:
//! see [`trail`](super::trail). Falco tells none, and its clients look at none.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot::Receiver;
use futures::future::{select, Either};
use futures_timer::Delay;

use super::trail::{Trail, HEADER};
use crate::alerts::Handle;
use crate::error::Error;
use crate::source::grpc::{version_metadata, Connection};

/// How often a relay is asked: what goes round does so until it has answered.
const OF_RELAY: Duration = Duration::from_secs(2);

/// How often a server is asked that has not answered.
const OF_SILENT: Duration = Duration::from_secs(5);

/// How often a Falco is asked: a relay may have taken its place.
const OF_FALCO: Duration = Duration::from_secs(60);

/// A source on gRPC.
pub(super) struct Upstream {
    pub name: Arc<str>,
    pub connection: Arc<Connection>,
    pub handle: Handle,
    pub trail: Arc<Trail>,
}

impl Upstream {
    /// Closes the source if alerts come back from there. Returns then, or when it has `ended`.
    pub(super) async fn watch(self, mut ended: Receiver<()>) {
        loop {
            let asked = pin!(version_metadata(&self.connection, HEADER));
            let told = match select(&mut ended, asked).await {
                Either::Left(_) => return,
                Either::Right((told, _)) => told,
            };
            let pause = match told {
                Ok(Some(ids)) if self.trail.comes_back(&ids) => return self.close(),
                Ok(Some(_)) => OF_RELAY,
                // Falco 0.18 and 0.19 have no version.
                Ok(None) | Err(Error::Unimplemented { .. }) => OF_FALCO,
                Err(_) => OF_SILENT,
            };
            if let Either::Left(_) = select(&mut ended, Delay::new(pause)).await {
                return;
            }
        }
    }

    fn close(&self) {
        // Otherwise that relay would find the same, and read no more from this one either.
        self.trail.forget();
        log::error!(
            "{}: it is a relay that gets alerts of this one, which come back and would go round for ever; it is \
             not read any more: let a relay on the way not send them on, and start this one again",
            self.name
        );
        self.handle.close();
    }
}
