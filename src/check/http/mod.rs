//! Alerts that Falco's `http_output` posts to this machine.

#[cfg(feature = "falco-yaml")]
mod place;
#[cfg(feature = "falco-yaml")]
pub(super) mod settings;
#[cfg(feature = "falco-yaml")]
mod tls;
#[cfg(feature = "falco-yaml")]
mod url;

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::found::{FoundSettings, OutputFindings};
use super::{EndpointCheck, Finding, Step};
use crate::client::Client;
use crate::config::Config;
use crate::diagnose::tls_files;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// The output that posts.
#[cfg(feature = "falco-yaml")]
const OUTPUT: &str = "http_output";

pub(super) struct HttpCheck<'a> {
    pub endpoint: &'a Endpoint,
}

impl EndpointCheck for HttpCheck<'_> {
    /// Binds the port for a moment, accepts no connection, and reads the certificates.
    fn probe(&self, config: &Config, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        Client::new(config.clone()).map_err(|error| match &error {
            Error::Tls { .. } => Finding::failed(Step::Certificates, &error),
            _ => Finding::failed(Step::Tcp, &error),
        })?;
        let endpoint = self.endpoint;
        let text = format!("{endpoint} can be bound; Falco's http_output.url must lead there");
        findings.push(Finding::ok(Step::Tcp, text));
        if let Some(tls) = &config.tls {
            tls_files::probe(tls, tls.load(), findings)?;
        }
        Ok(())
    }

    fn condition(&self) -> String {
        "json_output and http_output.enabled are true, http_output.url leads to this endpoint and \
         Falco's log has no error of libcurl"
            .to_owned()
    }

    #[cfg(feature = "falco-yaml")]
    fn falco_findings(
        &self,
        found: &FoundSettings<'_>,
        config: &Config,
        _: &[Finding],
    ) -> Vec<Finding> {
        let output = OutputFindings {
            name: OUTPUT,
            findings: settings::findings(found.settings, config, self.endpoint),
            late: Vec::new(),
        };
        found.of_output(self.endpoint, output)
    }
}
