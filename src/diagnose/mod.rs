//! Why a connection fails: each part of it is probed, from the host name to the TLS handshake.

pub(crate) mod certificate;
pub(crate) mod certificate_names;
mod finding;
mod handshake;
pub(crate) mod socket;
pub(crate) mod tcp;
pub(crate) mod texts;
mod tls_alert;
pub(crate) mod tls_files;
mod worker;

use std::future::Future;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::{select, Either};
use futures_timer::Delay;

use crate::api::ChannelArg;
use crate::config::Config;
use crate::endpoint::{Endpoint, GrpcAddress};
use crate::error::{Problem, Result};
use crate::tls::{Pem, Tls};
use crate::util::url::without_secrets;

pub use finding::{Finding, Outcome, Step};
use handshake::Handshake;
use texts::REFUSED;

/// What a connection needs, up to gRPC.
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
            connect_timeout: *config.connect_timeout,
            proxy: arg("grpc.http_proxy"),
        }
    }

    /// Probes the socket, or each step from the host name to the TLS handshake, up to the first that
    /// fails. `load` reads the certificates.
    pub fn probe(
        &self,
        load: impl FnOnce(&Tls) -> Result<Pem>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Finding> {
        let (host, port) = match (self.endpoint.grpc(), &self.proxy) {
            (Some(GrpcAddress::Unix(path)), _) => {
                findings.push(socket::probe(path)?);
                return Ok(());
            }
            (Some(GrpcAddress::Tcp { .. }), Some(proxy)) => {
                let text = format!(
                    "the connection goes through the proxy {}: only gRPC's own errors tell more",
                    without_secrets(proxy)
                );
                findings.push(Finding::warning(Step::Tcp, Problem::alone(text)));
                return Ok(());
            }
            (Some(GrpcAddress::Tcp { host, port }), None) => (host, port),
            // Others make no connection.
            (None, _) => return Ok(()),
        };
        let addresses = tcp::resolve(host, port, self.deadline(), findings)?;
        let (stream, address) = tcp::connect(&addresses, self.deadline(), &REFUSED, findings)?;
        let Some(tls) = &self.tls else {
            return Ok(());
        };
        let pem = tls_files::probe(tls, load(tls), findings)?;
        let handshake = Handshake {
            address: &address,
            name: self.name.as_deref().unwrap_or(host),
            tls,
            pem: &pem,
            deadline: self.deadline(),
        };
        handshake.probe(stream, findings)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.connect_timeout
    }
}

/// Connects to a server that need not be Falco's. `refused` is the problem where nothing listens.
#[cfg(any(feature = "kafka", feature = "redis", feature = "relay"))]
pub(crate) fn connect(
    host: &str,
    port: u16,
    timeout: Duration,
    refused: &Problem,
    findings: &mut Vec<Finding>,
) -> Result<std::net::TcpStream, Finding> {
    let deadline = Instant::now() + timeout;
    let addresses = tcp::resolve(host, port, deadline, findings)?;
    let (stream, _) = tcp::connect(&addresses, deadline, refused, findings)?;
    Ok(stream)
}

/// Finds the first step up to TLS that fails, if one does `within` this time.
///
/// The probe runs on a thread of its own, whatever executor waits for it.
pub(crate) fn find_failure(
    mut route: Route,
    pem: Option<Pem>,
    within: Duration,
) -> impl Future<Output = Option<Finding>> + Send + 'static {
    // Without TLS, a probe would find no more than C-core reports.
    let failure = pem.map(|pem| {
        route.connect_timeout = route.connect_timeout.min(within);
        let (sender, failure) = oneshot::channel();
        worker::run(Box::new(move || {
            // The caller may have gone while the job was queued.
            if sender.is_canceled() {
                return;
            }
            let failure = route.probe(|_| Ok(pem), &mut Vec::new()).err();
            let _caller_is_gone = sender.send(failure);
        }));
        failure
    });
    async move {
        match select(failure?, Delay::new(within)).await {
            Either::Left((failure, _)) => failure.ok()?,
            Either::Right(_) => None,
        }
    }
}
