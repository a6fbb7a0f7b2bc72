//! The front door.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on;
use grpcio::CallOption;

use crate::alert::Alert;
use crate::alerts::{Alerts, Watch};
use crate::api::version::{Request, Response};
use crate::api::version_grpc::ServiceClient;
use crate::channel::{self, on_delivery_thread};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::failure::explain;
use crate::feed::{self, Call, Callback, Control, GET, SUB};

const VERSION: &str = "/falco.version.service/version";

/// A client of one Falco.
///
/// Cheap to clone; clones share one connection, which is made when it is first needed.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    endpoint: Endpoint,
    client: grpcio::Client,
}

impl Client {
    /// A client of the Falco at `endpoint`, with the default [`Config`].
    ///
    /// `unix:///run/falco/falco.sock` is where Falco listens by default. A `host:port` needs
    /// certificates: use [`Client::new`]. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`], [`Error::Config`].
    pub fn connect(endpoint: &str) -> Result<Client> {
        Client::new(Config::new(endpoint))
    }

    /// A client with these settings. Nothing is connected yet; certificates are read and checked.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`], [`Error::Config`], [`Error::Tls`].
    pub fn new(config: Config) -> Result<Client> {
        let checked = config.check()?;
        let endpoint = checked.endpoint.clone();
        let channel = channel::open(&config, checked);
        let client = grpcio::Client::new(channel);
        Ok(Client {
            inner: Arc::new(Inner {
                config,
                endpoint,
                client,
            }),
        })
    }

    /// The alerts that Falco holds now, then the end.
    ///
    /// Falco 0.24 to 0.43. A failure to connect comes as the sequence's only item.
    ///
    /// # Errors
    ///
    /// When the call cannot be made at all.
    pub fn get(&self) -> Result<Alerts> {
        Ok(self.queued(self.call(GET.name, Call::get)?, GET.name))
    }

    /// The alerts from now on, until the connection or Falco ends.
    ///
    /// Falco 0.24 to 0.43. A failure to connect comes as the sequence's only item.
    ///
    /// # Errors
    ///
    /// When the call cannot be made at all.
    pub fn subscribe(&self) -> Result<Alerts> {
        Ok(self.queued(self.call(SUB.name, Call::sub)?, SUB.name))
    }

    /// Like [`get`](Client::get), with a callback that runs where the bytes arrive: no queue, no
    /// other thread.
    ///
    /// The callback should be quick, since it holds up whatever else arrives on its thread, and
    /// must not block on another call of this crate; [`ControlFlow::Break`] ends the call, and loses
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
        Ok(self.watched(self.call(GET.name, Call::get)?, GET.name, callback))
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
        Ok(self.watched(self.call(SUB.name, Call::sub)?, SUB.name, callback))
    }

    /// The version of this Falco and of its engine. Falco 0.20 to 0.43.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Unimplemented`] from other servers, [`Error::Deadline`]
    /// after [`Config::call_deadline`], [`Error::WouldDeadlock`] inside a callback.
    pub fn version(&self) -> Result<Response> {
        if on_delivery_thread() {
            return Err(Error::WouldDeadlock { call: "version" });
        }
        block_on(self.version_async())
    }

    /// The async form of [`version`](Client::version), for any executor.
    ///
    /// # Errors
    ///
    /// As [`version`](Client::version).
    pub fn version_async(&self) -> impl Future<Output = Result<Response>> + Send + 'static {
        let deadline = self.inner.config.call_deadline;
        let option = CallOption::default().timeout(deadline);
        let service = ServiceClient {
            client: self.inner.client.clone(),
        };
        let call = service.version_async_opt(&Request::new(), option);
        let endpoint = self.inner.endpoint.clone();
        async move {
            // A call that still waits for its connection fails when the channel goes.
            let _service = service;
            let answer = match call {
                Ok(call) => call.await,
                Err(error) => Err(error),
            };
            answer.map_err(|error| explain(&endpoint, VERSION, Some(deadline), error))
        }
    }

    /// Waits until the connection stands, at most for `timeout`, and tries again until then.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] with the reason why there is none, [`Error::Deadline`] where none can
    /// be told, [`Error::WouldDeadlock`] inside a callback.
    pub fn wait_connected(&self, timeout: Duration) -> Result<()> {
        if on_delivery_thread() {
            return Err(Error::WouldDeadlock {
                call: "wait_connected",
            });
        }
        block_on(self.wait_connected_async(timeout))
    }

    /// The async form of [`wait_connected`](Client::wait_connected), for any executor.
    ///
    /// # Errors
    ///
    /// As [`wait_connected`](Client::wait_connected).
    pub async fn wait_connected_async(&self, timeout: Duration) -> Result<()> {
        if self
            .inner
            .client
            .channel()
            .wait_for_connected(timeout)
            .await
        {
            return Ok(());
        }
        // The state of a channel has no reason, a call that fails on it has.
        match self.version_async().await {
            Err(error @ Error::Unavailable { .. }) => Err(error),
            _ => Err(Error::Deadline {
                endpoint: self.endpoint().to_string(),
                after: timeout,
            }),
        }
    }

    /// Where this client's Falco is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    fn call(
        &self,
        method: &'static str,
        make: fn(&grpcio::Client) -> grpcio::Result<Call>,
    ) -> Result<Call> {
        make(&self.inner.client).map_err(|error| explain(self.endpoint(), method, None, error))
    }

    fn queued(&self, call: Call, method: &'static str) -> Alerts {
        let control = Control::new();
        let (outlet, inbox) = feed::queue(self.inner.config.queue_bytes, control.clone());
        self.start(call, method, outlet, control);
        Alerts::new(inbox)
    }

    fn watched<F>(&self, call: Call, method: &'static str, callback: F) -> Watch
    where
        F: FnMut(Result<Alert>) -> ControlFlow<()> + Send + 'static,
    {
        let control = Control::new();
        let (done, wait) = oneshot::channel();
        self.start(
            call,
            method,
            Callback::new(Box::new(callback), done),
            control.clone(),
        );
        Watch::new(control, wait)
    }

    fn start(
        &self,
        call: Call,
        method: &'static str,
        outlet: impl feed::Outlet,
        control: Arc<Control>,
    ) {
        let endpoint = self.inner.endpoint.clone();
        feed::start(
            &self.inner.client,
            call,
            self.inner.config.request_interval.clone(),
            outlet,
            control,
            move |error| explain(&endpoint, method, None, error),
        );
    }
}
