//! Alerts that Falco's `http_output` posts to this machine.

#[cfg(feature = "falco-yaml")]
mod place;
#[cfg(feature = "falco-yaml")]
pub(super) mod settings;
#[cfg(feature = "falco-yaml")]
mod tls;
#[cfg(feature = "falco-yaml")]
mod url;

use super::{Finding, Step};
use crate::client::Client;
use crate::config::Config;
use crate::diagnose::tls_files;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// The output that posts.
#[cfg(feature = "falco-yaml")]
pub(super) const OUTPUT: &str = "http_output";

/// Binds the port for a moment, accepts no connection, and reads the certificates.
pub(super) fn probe(
    config: &Config,
    endpoint: &Endpoint,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    Client::new(config.clone()).map_err(|error| match &error {
        Error::Tls { .. } => Finding::failed(Step::Certificates, &error),
        _ => Finding::failed(Step::Tcp, &error),
    })?;
    let text = format!("{endpoint} can be bound; Falco's http_output.url must lead there");
    findings.push(Finding::ok(Step::Tcp, text));
    if let Some(tls) = &config.tls {
        tls_files::probe(tls, tls.load(), findings)?;
    }
    Ok(())
}
