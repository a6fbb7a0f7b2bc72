//! Falco's gRPC API, as Falco 0.18 to 0.43 serve it.

mod cadence;
mod call;
mod channel;

mod drain;
mod driver;
mod examine;
mod fallback;
mod liveness;
mod reconnect;
mod requester;
mod status;
mod subscription;

use std::sync::Arc;

use super::{Source, StartRequest};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Result;

pub(crate) use call::{version, VERSION};
pub(crate) use channel::Connection;
pub(crate) use examine::{examine, look};
pub(crate) use status::explain;

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
