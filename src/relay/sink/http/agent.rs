//! The HTTP client of a sink.

use std::time::Duration;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider};
use ureq::Agent;

use super::CONNECT_TIMEOUT;
use crate::error::{Error, Result};
use crate::tls::Tls;

pub(super) fn new(tls: Option<&Tls>, timeout: Duration) -> Result<Agent> {
    let mut settings = TlsConfig::builder()
        .provider(TlsProvider::NativeTls)
        .root_certs(RootCerts::PlatformVerifier);
    if let Some(tls) = tls {
        let pem = tls.load()?;
        let unusable = |error: ureq::Error| {
            let problem = (format!("cannot be used for TLS: {error}"), "make others");
            Error::tls(format_args!("{tls:?}"), problem, Some(error.into()))
        };
        if !pem.ca.is_empty() {
            let roots: Vec<_> = certificates(&pem.ca).map_err(unusable)?;
            settings = settings.root_certs(RootCerts::new_with_certs(&roots));
        }
        if tls.has_certificate() {
            let chain = certificates(&pem.cert).map_err(unusable)?;
            let key = PrivateKey::from_pem(&pem.key).map_err(unusable)?;
            settings = settings.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(1)
        .max_idle_age(Duration::from_secs(3600))
        .proxy(None)
        .timeout_connect(Some(CONNECT_TIMEOUT.min(timeout)))
        .timeout_global(Some(timeout))
        .user_agent(concat!("falco-client/", env!("CARGO_PKG_VERSION")))
        .tls_config(settings.build());
    Ok(config.build().into())
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ureq::Error> {
    ureq::tls::parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .collect()
}
