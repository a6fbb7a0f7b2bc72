//! The client: entry point for reading alerts.

use std::fmt;
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
use crate::source::grpc::{self, Connection};
use crate::source::{self, Purpose, Source, StartRequest};
use crate::util::thread::on_delivery_thread;
use crate::util::wait::wait;

/// A client that reads the alerts of one [`Endpoint`].
///
/// Cheap to clone. Over gRPC, clones share one connection, which is made when it is first needed.
/// Where alerts are posted, clones share one port, which is open as long as there is a clone.
#[derive(Clone)]
pub struct Client {
    source: Arc<dyn Source>,
    queue_bytes: usize,
    overflow: Overflow,
}

impl Client {
    /// A client for `endpoint` with the default [`Config`]: see [`Client::new`].
    ///
    /// Falco listens at `unix:///run/falco/falco.sock` by default. A `host:port` needs certificates:
    /// use [`Client::new`]. For all forms see [`Endpoint`].
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`] where the text is none, [`Error::Config`] where the endpoint needs
    /// options, [`Error::Listen`] where the address cannot be listened on.
    pub fn open(endpoint: &str) -> Result<Client> {
        Client::new(Config::new(endpoint))
    }

    /// A client with these options. It reads and checks certificates, and binds a port to listen on;
    /// it does not connect yet.
    ///
    /// The log of gRPC's C-core goes to the crate `log`, at the level that is set when the client is
    /// made, with an empty target.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`] where the text is none, [`Error::Config`] for an option that is wrong or
    /// has no effect there, [`Error::Tls`] for certificates that cannot be used, [`Error::Listen`]
    /// where the address cannot be listened on.
    pub fn new(config: Config) -> Result<Client> {
        Ok(Client {
            queue_bytes: *config.queue_bytes,
            overflow: *config.overflow,
            source: source::open(config)?,
        })
    }

    /// Reads the alerts that Falco holds now, the lines that a file holds now, or standard input up
    /// to its end.
    ///
    /// A failure, such as that of the connection, is the last item of the sequence.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`] where alerts are posted, as nothing waits there; [`Error::Listen`] where
    /// the system has no more threads or descriptors.
    pub fn get(&self) -> Result<Alerts> {
        self.queued(Purpose::Get)
    }

    /// Reads alerts from now on, until the sequence is closed or dropped; of a file, first the lines
    /// that it holds. Standard input ends the sequence with its own end.
    ///
    /// Over gRPC, it reconnects when Falco restarts, the connection breaks or cannot be made yet: as
    /// soon as possible, with retries at most 5 s apart, and with certificates that were renewed
    /// meanwhile. [`Alerts::state`] shows it, and it is logged once. An error that is not
    /// [transient](Error::is_transient) ends the sequence unless [`Config::keep_trying`] is set.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] where the system has no more threads or descriptors.
    pub fn subscribe(&self) -> Result<Alerts> {
        self.queued(Purpose::Subscribe)
    }

    /// Like [`get`](Client::get), with a callback on the thread where the alerts arrive: without a
    /// queue and without another thread.
    ///
    /// The callback should be quick, since it delays everything else that arrives on its thread, and
    /// must not call a blocking function of this crate. [`ControlFlow::Break`] ends the call and
    /// loses the alerts in flight. An alert that cannot be decoded is passed as
    /// [`Error::Undecodable`]; the error that ends the call is the result of the [`Watch`].
    ///
    /// # Errors
    ///
    /// As [`get`](Client::get).
    pub fn get_with<F>(&self, callback: F) -> Result<Watch>
    where
        F: FnMut(Result<Alert>) -> ControlFlow<()> + Send + 'static,
    {
        self.watched(Purpose::Get, callback)
    }

    /// Like [`subscribe`](Client::subscribe), with a callback: see [`get_with`](Client::get_with).
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Client::subscribe).
    pub fn subscribe_with<F>(&self, callback: F) -> Result<Watch>
    where
        F: FnMut(Result<Alert>) -> ControlFlow<()> + Send + 'static,
    {
        self.watched(Purpose::Subscribe, callback)
    }

    /// The version of Falco and of its engine, over gRPC from Falco 0.20 to 0.43.
    ///
    /// The type of the answer is generated: see [`api`](crate::api).
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`] where there is no gRPC, [`Error::Unavailable`] or [`Error::Untrusted`]
    /// without a connection, [`Error::Unimplemented`] from other servers, [`Error::Timeout`] after
    /// [`Config::call_timeout`], [`Error::WouldDeadlock`] inside a callback.
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

    /// Waits until the connection is made, at most for `timeout`, with retries until then. Returns at
    /// once where there is no gRPC, and so no connection to wait for.
    ///
    /// When it fails, finding out why may take as long again, or 2 s where that is more.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] or [`Error::Untrusted`] with the reason, [`Error::Timeout`] where no
    /// reason is found, [`Error::WouldDeadlock`] inside a callback.
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

    /// Where this client's alerts come from. Port 0 is replaced by the port that is listened on.
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
            post_guard: None,
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
            post_guard: None,
        })?;
        Ok(Watch::new(control, wait))
    }

    /// Starts delivering alerts to an outlet.
    pub(crate) fn start(&self, request: StartRequest) -> Result<()> {
        self.source.clone().start(request)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Client {
            source,
            queue_bytes,
            overflow,
        } = self;
        f.debug_struct("Client")
            .field("endpoint", source.endpoint())
            .field("queue_bytes", queue_bytes)
            .field("overflow", overflow)
            .finish()
    }
}
