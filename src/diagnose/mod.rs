//! What is wrong with a connection, told by a look at each part of it.

mod address;
mod certificate;
mod disk;
mod finding;
mod handshake;
mod names;
mod refusal;
pub(crate) mod socket;
pub(crate) mod texts;
mod worker;

use std::future::Future;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::{select, Either};
use futures_timer::Delay;

use crate::api::ChannelArg;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::{Problem, Result};
use crate::tls::{Pem, Tls};

pub use finding::{Finding, Outcome, Step};

/// Everything up to gRPC that a connection needs.
#[derive(Clone)]
pub(crate) struct Route {
    pub endpoint: Endpoint,
    /// The name that the server's certificate has to have.
    pub name: Option<String>,
    pub tls: Option<Tls>,
    pub connect_timeout: Duration,
    /// C-core connects to this instead.
    pub proxy: Option<String>,
}

impl Route {
    pub fn new(config: &Config, endpoint: &Endpoint) -> Route {
        let arg = |wanted: &str| {
            let mut args = config.channel_args.iter().rev();
            args.find_map(|(name, value)| match value {
                ChannelArg::Text(value) if name == wanted => Some(value.clone()),
                _ => None,
            })
        };
        Route {
            endpoint: endpoint.clone(),
            name: arg("grpc.ssl_target_name_override").or(config.server_name.clone()),
            tls: config.tls.clone(),
            connect_timeout: config.connect_timeout,
            proxy: arg("grpc.http_proxy"),
        }
    }

    /// Goes from the address to the TLS handshake, and stops where it is broken. `load` gives the
    /// certificates.
    pub fn walk(
        &self,
        load: impl FnOnce(&Tls) -> Result<Pem>,
        found: &mut Vec<Finding>,
    ) -> Result<(), Finding> {
        let (host, port) = match (&self.endpoint, &self.proxy) {
            (Endpoint::Unix(path), _) => {
                found.push(socket::look(path)?);
                return Ok(());
            }
            (Endpoint::Tcp { .. }, Some(proxy)) => {
                let text = format!(
                    "goes through the proxy {proxy}, so that only gRPC's own word counts from here"
                );
                found.push(Finding::warning(Step::Tcp, Problem::alone(text)));
                return Ok(());
            }
            (Endpoint::Tcp { host, port }, None) => (host, *port),
            // Nothing is connected to.
            (Endpoint::Listen { .. } | Endpoint::File(_) | Endpoint::Stdin, _) => return Ok(()),
        };
        let addresses = address::resolve(host, port, self.until(), found)?;
        let (stream, address) = address::connect(&addresses, self.until(), found)?;
        let Some(tls) = &self.tls else {
            return Ok(());
        };
        let pem = disk::look(tls, load(tls), found)?;
        let name = self.name.as_deref().unwrap_or(host);
        handshake::look(stream, &address, name, tls, &pem, self.until(), found)
    }

    fn until(&self) -> Instant {
        Instant::now() + self.connect_timeout
    }
}

/// What is broken between here and TLS, as far as that is found `within` this time.
///
/// The look is taken on a thread of its own, whatever executor waits for it.
pub(crate) fn look(
    mut route: Route,
    pem: Option<Pem>,
    within: Duration,
) -> impl Future<Output = Option<Finding>> + Send + 'static {
    // Without TLS there is no more to be seen than C-core says.
    let answer = pem.map(|pem| {
        route.connect_timeout = route.connect_timeout.min(within);
        let (tell, answer) = oneshot::channel();
        worker::run(Box::new(move || {
            // Whoever has asked may have gone while this waited for its turn.
            if tell.is_canceled() {
                return;
            }
            let broken = route.walk(|_| Ok(pem), &mut Vec::new()).err();
            let _nobody_waits = tell.send(broken);
        }));
        answer
    });
    async move {
        match select(answer?, Delay::new(within)).await {
            Either::Left((answer, _)) => answer.ok()?,
            Either::Right(_) => None,
        }
    }
}
