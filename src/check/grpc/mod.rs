//! A Falco that serves gRPC.

mod calls;
#[cfg(feature = "falco-yaml")]
pub(super) mod settings;

use super::{Finding, Step};
use crate::client::Client;
use crate::config::Config;
use crate::diagnose::Route;
use crate::endpoint::Endpoint;
use crate::tls::Tls;

/// Probes the connection, then the calls.
pub(super) fn probe(
    config: &Config,
    endpoint: &Endpoint,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    Route::new(config, endpoint).probe(Tls::load, findings)?;
    let client = Client::new(config.clone());
    let client = client.map_err(|error| Finding::failed(Step::Config, &error))?;
    calls::probe(&client, findings)
}
