//! The front door.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;

use crate::alert::Alert;
use crate::alerts::{Alerts, Watch};
use crate::api::version::Response;
use crate::config::{Config, Overflow};
use crate::delivery::{self, Callback, Control};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::source::grpc::{self, Connection, Grpc};
use crate::source::http::Http;
use crate::source::lines::Lines;
use crate::source::{Purpose, Source, StartRequest};
use crate::util::thread::on_delivery_thread;
use crate::util::wait::wait;

/// A client of one Falco, or of whatever sends its alerts to one [`Endpoint`].
///
/// Cheap to clone; clones share one connection, which is made when it is first needed, or one port,
/// which is listened on as long as there is a clone.
#[derive(Clone)]
pub struct Client {
    source: Arc<dyn Source>,
    queue_bytes: usize,
    overflow: Overflow,
}

impl Client {
    /// A client of the Falco at `endpoint`, with the default [`Config`].
    ///
    /// `unix:///run/falco/falco.sock` is where Falco listens by default. A `host:port` needs
    /// certificates: use [`Client::new`]. For all forms see [`Endpoint`]. Nothing is connected yet;
    /// a port to listen on is bound.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`], [`Error::Config`], [`Error::Listen`] where nothing can listen there.
    pub fn open(endpoint: &str) -> Result<Client> {
        Client::new(Config::new(endpoint))
    }

    /// A client with these settings. Nothing is connected yet; certificates are read and checked, and
    /// a port to listen on is bound.
    ///
    /// C-core's log goes to the crate `log`, at the level that is set there when a client is made,
    /// under an empty target.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`], [`Error::Config`], [`Error::Tls`], [`Error::Listen`] where nothing can
    /// listen there.
    pub fn new(config: Config) -> Result<Client> {
        let endpoint = config.check_options()?;
        let (queue_bytes, overflow) = (*config.queue_bytes, *config.overflow);
        let source: Arc<dyn Source> = match endpoint {
            Endpoint::Unix(_) | Endpoint::Tcp { .. } => Arc::new(Grpc::new(config)?),
            Endpoint::Listen { tls, host, port } => {
                Arc::new(Http::bind(&config, tls, &host, port)?)
            }
            Endpoint::File(_) | Endpoint::Stdin => Arc::new(Lines::new(&config, endpoint)),
        };
        Ok(Client {
            source,
            queue_bytes,
            overflow,
        })
    }

    /// The alerts that Falco holds now, then the end.
    ///
    /// Falco 0.18 to 0.43, a file, and standard input up to its end. A failure to connect comes as
    /// the sequence's only item.
    ///
    /// # Errors
    ///
    /// When the call cannot be made at all: [`Error::Endpoint`] where alerts are posted, as nothing
    /// waits there.
    pub fn get(&self) -> Result<Alerts> {
        self.queued(Purpose::Get)
    }

    /// The alerts from now on, for ever.
    ///
    /// Of a file those that it holds, too; standard input ends it with its own end.
    ///
    /// Over gRPC: when Falco restarts, the connection breaks or cannot be made yet, it
    /// subscribes again as soon as that can be, at most 5 s later, with certificates that were
    /// renewed meanwhile: [`Alerts::state`] tells, and `log` once. What does not pass by itself ends
    /// the sequence unless [`Config::keep_trying`] says otherwise: [`Error::Untrusted`],
    /// [`Error::Unimplemented`], [`Error::Status`] for a client that is not let in.
    ///
    /// # Errors
    ///
    /// When the call cannot be made at all.
    pub fn subscribe(&self) -> Result<Alerts> {
        self.queued(Purpose::Subscribe)
    }

    /// Like [`get`](Client::get), with a callback that runs where the bytes arrive: no queue, no
    /// other thread.
    ///
    /// The callback should be quick, since it holds up whatever else arrives on its thread, and
    /// must not wait for another call of this crate; [`ControlFlow::Break`] ends the call, and loses
    /// what is on its way. An undecodable alert comes as [`Error::Undecodable`]; the error that ends
    /// the call comes out of the [`Watch`].
    ///
    /// # Errors
    ///
    /// When the call cannot be made at all.
    pub fn get_with<F>(&self, callback: F) -> Result<Watch>
    where
        F: FnMut(Result<Alert>) -> ControlFlow<()> + Send + 'static,
    {
        self.watched(Purpose::Get, callback)
    }

    /// Like [`subscribe`](Client::subscribe), with a callback that runs where the bytes arrive. See
    /// [`get_with`](Client::get_with).
    ///
    /// # Errors
    ///
    /// When the call cannot be made at all.
    pub fn subscribe_with<F>(&self, callback: F) -> Result<Watch>
    where
        F: FnMut(Result<Alert>) -> ControlFlow<()> + Send + 'static,
    {
        self.watched(Purpose::Subscribe, callback)
    }

    /// The version of this Falco and of its engine. Falco 0.20 to 0.43: over gRPC only.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Unimplemented`] from other servers, [`Error::Timeout`]
    /// after [`Config::call_timeout`], [`Error::WouldDeadlock`] inside a callback,
    /// [`Error::Endpoint`] where there is no gRPC.
    pub fn version(&self) -> Result<Response> {
        if on_delivery_thread() {
            return Err(Error::WouldDeadlock { call: "version" });
        }
        wait(self.version_async())
    }

    /// The async form of [`version`](Client::version), for any executor.
    ///
    /// # Errors
    ///
    /// As [`version`](Client::version).
    pub fn version_async(&self) -> impl Future<Output = Result<Response>> + Send + 'static {
        let connection = self.connection().cloned();
        async move {
            let connection = connection?;
            grpc::version(&connection).await
        }
    }

    /// Waits until the connection stands, at most for `timeout`, and tries again until then. To find out
    /// why there is none may take as long again, or 2 s where that is more.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] with the reason why there is none, [`Error::Timeout`] where none can
    /// be told, [`Error::WouldDeadlock`] inside a callback. Where there is no gRPC there is no
    /// connection to wait for, and it returns at once.
    pub fn wait_connected(&self, timeout: Duration) -> Result<()> {
        if on_delivery_thread() {
            return Err(Error::WouldDeadlock {
                call: "wait_connected",
            });
        }
        wait(self.wait_connected_async(timeout))
    }

    /// The async form of [`wait_connected`](Client::wait_connected), for any executor.
    ///
    /// # Errors
    ///
    /// As [`wait_connected`](Client::wait_connected).
    pub async fn wait_connected_async(&self, timeout: Duration) -> Result<()> {
        match self.source.grpc() {
            Some(connection) => grpc::wait_connected(connection, timeout).await,
            None => Ok(()),
        }
    }

    /// Where this client's alerts come from; with the real port, where it listens on any.
    pub fn endpoint(&self) -> &Endpoint {
        self.source.endpoint()
    }

    /// The connection to a Falco that speaks gRPC.
    pub(crate) fn connection(&self) -> Result<&Arc<Connection>> {
        self.source.grpc().ok_or_else(|| {
            let problem = "is no gRPC API, over which alone Falco reports its version";
            let remedy = "see what `falco --version` says";
            Error::endpoint(self.endpoint(), (problem, remedy))
        })
    }

    fn queued(&self, purpose: Purpose) -> Result<Alerts> {
        let control = Control::new(self.endpoint().clone());
        let (outlet, receiver) = delivery::queue(self.queue_bytes, self.overflow, control.clone());
        self.start(StartRequest {
            purpose,
            outlet: Box::new(outlet),
            control,
            from: None,
        })?;
        Ok(Alerts::new(receiver))
    }

    fn watched<F>(&self, purpose: Purpose, callback: F) -> Result<Watch>
    where
        F: FnMut(Result<Alert>) -> ControlFlow<()> + Send + 'static,
    {
        let control = Control::new(self.endpoint().clone());
        let (done, wait) = oneshot::channel();
        self.start(StartRequest {
            purpose,
            outlet: Box::new(Callback::new(Box::new(callback), control.clone(), done)),
            control: control.clone(),
            from: None,
        })?;
        Ok(Watch::new(control, wait))
    }

    /// Lets alerts go to an outlet.
    pub(crate) fn start(&self, request: StartRequest) -> Result<()> {
        self.source.clone().start(request)
    }
}
