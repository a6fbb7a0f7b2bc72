//! Falco's gRPC API, as Falco 0.18 to 0.43 serve it.
//!
//! [`subscription`] decides which call is made when, and does no I/O. [`driver`] makes the calls and
//! delivers their messages.

mod alarms;
mod call;
mod channel;
mod driver;
mod examine;
mod rpc;
mod status;
mod subscription;
mod version;

use std::sync::Arc;

use super::{Source, StartRequest};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Result;

pub(crate) use channel::Connection;
pub(crate) use status::explain;
#[cfg(feature = "relay")]
pub(crate) use version::version_metadata;
pub(crate) use version::{version, wait_connected};

/// A Falco that speaks gRPC. Clones of a client share its connection.
pub(crate) struct Grpc {
    connection: Arc<Connection>,
}

impl Grpc {
    /// # Errors
    ///
    /// As [`Config::check`].
    pub(crate) fn new(config: Config) -> Result<Grpc> {
        let connection = Arc::new(Connection::new(config)?);
        Ok(Grpc { connection })
    }
}

impl Source for Grpc {
    fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    fn start(self: Arc<Self>, request: StartRequest) -> Result<()> {
        driver::start(self.connection.clone(), request)
    }

    fn grpc(&self) -> Option<&Arc<Connection>> {
        Some(&self.connection)
    }
}
