//! A log between Falco and its readers, such as a stream of Redis.

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::found::FoundSettings;
use super::{EndpointCheck, Finding, Step};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::source;

pub(super) struct LogCheck<'a> {
    pub endpoint: &'a Endpoint,
}

impl EndpointCheck for LogCheck<'_> {
    /// Each source knows how its log is looked at.
    fn probe(&self, config: &Config, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        let source = source::open(config.clone());
        let source = source.map_err(|error| Finding::failed(Step::Endpoint, &error))?;
        source.probe(findings)
    }

    fn condition(&self) -> String {
        format!("a relay or another program writes to {}", self.endpoint)
    }

    /// What writes to a log is not Falco.
    #[cfg(feature = "falco-yaml")]
    fn falco_findings(&self, found: &FoundSettings<'_>, _: &Config, _: &[Finding]) -> Vec<Finding> {
        found.settings.include_findings()
    }
}
