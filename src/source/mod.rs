//! Where alerts come from: one file or folder for each kind of source, behind one trait.

pub(crate) mod grpc;
pub(crate) mod http;
#[cfg(feature = "kafka")]
pub(crate) mod kafka;
pub(crate) mod lines;
#[cfg(any(feature = "kafka", feature = "redis"))]
mod reconnect;
#[cfg(feature = "redis")]
pub(crate) mod redis;
mod text_alerts;

use std::sync::Arc;

use crate::config::Config;
use crate::delivery::{Control, Outlet};
use crate::diagnose::Finding;
#[cfg(not(all(feature = "kafka", feature = "redis")))]
use crate::endpoint::lacks;
use crate::endpoint::Endpoint;
#[cfg(not(all(feature = "kafka", feature = "redis")))]
use crate::error::Error;
use crate::error::Result;
use crate::position::Position;
use grpc::{Connection, Grpc};
use http::{Http, PostGuard};
use lines::Lines;

/// What a sequence of alerts is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// What Falco holds now.
    Get,
    /// All from now on.
    Subscribe,
}

/// One sequence of alerts that a source is asked for.
pub(crate) struct StartRequest {
    pub purpose: Purpose,
    /// Takes what comes, until its [`end`](Outlet::end), which comes once.
    pub outlet: Box<dyn Outlet>,
    /// By it the sequence is ended, and its state and counters are read.
    pub control: Arc<Control>,
    /// Where to go on, for a source that knows positions.
    pub from: Option<Position>,
    /// What may refuse requests, where alerts are posted.
    pub post_guard: Option<Arc<dyn PostGuard>>,
}

/// A kind of source, as a [`Client`](crate::Client) holds it.
pub(crate) trait Source: Send + Sync {
    /// Where alerts come from; with the real port, where this listens on any.
    fn endpoint(&self) -> &Endpoint;

    /// Lets alerts go to the outlet from now on, without waiting for the first.
    ///
    /// # Errors
    ///
    /// When that cannot begin. Every later failure goes to the outlet.
    fn start(self: Arc<Self>, request: StartRequest) -> Result<()>;

    /// The connection to a Falco that speaks gRPC.
    fn grpc(&self) -> Option<&Arc<Connection>> {
        None
    }

    /// Looks whether a log can be read, for a check. No alert is read.
    fn probe(&self, _: &mut Vec<Finding>) -> Result<(), Finding> {
        Ok(())
    }
}

/// The source at the endpoint of `config`.
///
/// # Errors
///
/// As [`Client::new`](crate::Client::new).
pub(crate) fn open(config: Config) -> Result<Arc<dyn Source>> {
    Ok(match config.check_options()? {
        Endpoint::Unix(_) | Endpoint::Tcp { .. } => Arc::new(Grpc::new(config)?),
        Endpoint::Listen { tls, host, port } => Arc::new(Http::bind(&config, tls, &host, port)?),
        Endpoint::File(path) => Arc::new(Lines::of_file(&config, path)),
        Endpoint::Stdin => Arc::new(Lines::of_stdin(&config)),
        #[cfg(feature = "redis")]
        Endpoint::Redis { .. } => Arc::new(redis::RedisSource::new(&config)?),
        #[cfg(feature = "kafka")]
        Endpoint::Kafka { .. } => Arc::new(kafka::KafkaSource::new(&config)?),
        // Without the feature, no text is parsed as one.
        #[cfg(not(feature = "redis"))]
        endpoint @ Endpoint::Redis { .. } => return Err(Error::endpoint(endpoint, lacks("redis"))),
        #[cfg(not(feature = "kafka"))]
        endpoint @ Endpoint::Kafka { .. } => return Err(Error::endpoint(endpoint, lacks("kafka"))),
    })
}
