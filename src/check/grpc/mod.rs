//! A Falco that serves gRPC.

mod calls;
#[cfg(feature = "falco-yaml")]
pub(super) mod settings;

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::found::FoundSettings;
use super::{EndpointCheck, Finding, Step};
use crate::client::Client;
use crate::config::Config;
use crate::diagnose::Route;
use crate::endpoint::Endpoint;
use crate::tls::Tls;

pub(super) struct GrpcCheck<'a> {
    pub endpoint: &'a Endpoint,
}

impl EndpointCheck for GrpcCheck<'_> {
    /// Probes the connection, then the calls.
    fn probe(&self, config: &Config, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        Route::new(config, self.endpoint).probe(Tls::load, findings)?;
        let client = Client::new(config.clone());
        let client = client.map_err(|error| Finding::failed(Step::Config, &error))?;
        calls::probe(&client, findings)
    }

    fn condition(&self) -> String {
        "grpc_output.enabled is true and no other client takes the alerts".to_owned()
    }

    #[cfg(feature = "falco-yaml")]
    fn falco_findings(
        &self,
        found: &FoundSettings<'_>,
        _: &Config,
        probed: &[Finding],
    ) -> Vec<Finding> {
        settings::findings(found, Some(self.endpoint), probed)
    }
}
