//! A log between Falco and its readers, such as a stream of Redis.

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::{settings::FalcoSettings, FalcoYaml};
use super::{EndpointCheck, Finding};
use crate::config::Config;

pub(super) struct LogCheck {
    /// What it calls the part that is read.
    pub part: &'static str,
    pub probe: fn(&Config, &mut Vec<Finding>) -> Result<(), Finding>,
}

impl EndpointCheck for LogCheck {
    fn probe(&self, config: &Config, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        (self.probe)(config, findings)
    }

    fn condition(&self) -> String {
        format!("the relay that writes to this {} runs", self.part)
    }

    /// What writes to a log is not Falco.
    #[cfg(feature = "falco-yaml")]
    fn falco_findings(
        &self,
        _: &FalcoYaml,
        settings: &FalcoSettings,
        _: &Config,
        _: &[Finding],
    ) -> Vec<Finding> {
        settings.include_findings()
    }
}
