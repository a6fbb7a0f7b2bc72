//! Finding out why no alert arrives.
//!
//! [`Check`] probes each step between Falco and the reader, from the endpoint to the service that
//! provides alerts, up to the first that fails. Its [`Report`] has a finding for each step, with the
//! remedy where something is wrong.
//!
//! ```no_run
//! use falco_client::{check::Check, Config};
//!
//! # fn main() -> falco_client::Result<()> {
//! let report = Check::new(Config::default()).run()?;
//! print!("{report}");
//! if let Some(broken) = report.failed() {
//!     eprintln!("{}: {broken}", broken.step);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The errors of a [`Client`](crate::Client) whose connection fails contain the same findings.

#[cfg(feature = "falco-yaml")]
mod falco_yaml;
mod file;
mod first_alert;
mod grpc;
mod http;
mod log;
mod report;
mod stdin;

use crate::config::Config;
use crate::endpoint::{Endpoint, EndpointKind, Family};
use crate::error::{Error, Result};
use crate::util::thread::on_delivery_thread;

pub use crate::diagnose::{Finding, Outcome, Step};
#[cfg(feature = "falco-yaml")]
use falco_yaml::found::FoundSettings;
#[cfg(feature = "falco-yaml")]
pub use falco_yaml::FalcoYaml;
pub use report::Report;

/// A check of each step between Falco and the reader of its alerts.
#[derive(Clone, Debug)]
#[must_use = "nothing is checked before it runs"]
pub struct Check {
    config: Config,
    #[cfg(feature = "falco-yaml")]
    falco_yaml: Option<FalcoYaml>,
}

impl Check {
    /// A check of what a [`Client`](crate::Client) with this config would do.
    pub fn new(config: Config) -> Check {
        Check {
            config,
            #[cfg(feature = "falco-yaml")]
            falco_yaml: None,
        }
    }

    /// Also checks the settings in Falco's `falco.yaml`. Default: none. Feature `falco-yaml`.
    #[cfg(feature = "falco-yaml")]
    pub fn falco_yaml(mut self, falco_yaml: FalcoYaml) -> Check {
        self.falco_yaml = Some(falco_yaml);
        self
    }

    /// Runs the check on this thread. It consumes no alerts.
    ///
    /// The lookup of the name, the connection and the handshake may each take
    /// [`Config::connect_timeout`], the calls that follow [`Config::call_timeout`]. All failures, also
    /// those in the config, are in the report.
    ///
    /// # Errors
    ///
    /// [`Error::WouldDeadlock`] inside a callback.
    pub fn run(&self) -> Result<Report> {
        if on_delivery_thread() {
            return Err(Error::WouldDeadlock { call: "check" });
        }
        let mut findings = Vec::new();
        let failure = self.probe(&mut findings).err();
        findings.extend(failure);
        #[cfg(feature = "falco-yaml")]
        if let Some(falco_yaml) = &self.falco_yaml {
            findings.splice(0..0, falco_yaml.findings(&self.config, &findings));
        }
        Ok(Report::of(findings))
    }

    fn probe(&self, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        let at = |step| move |error: Error| Finding::failed(step, &error);
        let endpoint: Endpoint = self.config.endpoint.parse().map_err(at(Step::Endpoint))?;
        findings.push(Finding::ok(Step::Endpoint, endpoint.to_string()));
        self.config.check_options().map_err(at(Step::Config))?;
        let check = of(&endpoint);
        check.probe(&self.config, findings)
    }
}

/// What a check does at an endpoint of one kind.
trait EndpointCheck {
    /// Probes the steps after the config, up to the first that fails.
    fn probe(&self, config: &Config, findings: &mut Vec<Finding>) -> Result<(), Finding>;

    /// What has to be so where no alert arrives, for a remedy.
    fn condition(&self) -> String;

    /// What Falco's settings mean for it, after it was probed.
    #[cfg(feature = "falco-yaml")]
    fn falco_findings(
        &self,
        found: &FoundSettings<'_>,
        config: &Config,
        probed: &[Finding],
    ) -> Vec<Finding>;
}

/// The check of this endpoint.
fn of(endpoint: &Endpoint) -> Box<dyn EndpointCheck + '_> {
    match EndpointKind::of(endpoint).family() {
        Family::Grpc => Box::new(grpc::GrpcCheck { endpoint }),
        Family::Http => Box::new(http::HttpCheck { endpoint }),
        Family::File => Box::new(file::FileCheck { endpoint }),
        Family::Stdin => Box::new(stdin::StdinCheck),
        Family::Log => Box::new(log::LogCheck { endpoint }),
    }
}
