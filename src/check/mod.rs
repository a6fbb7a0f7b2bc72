//! Finding out why no alert comes.
//!
//! [`Check`] walks the way that an alert takes, from the endpoint to the service that gives alerts,
//! and stops where it is broken. Its [`Report`] has what was found at each step, and the remedy where
//! something is wrong.
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
//! The errors of a [`Client`] say the same of a connection that fails.

mod calls;
#[cfg(feature = "falco-yaml")]
mod falco_yaml;
mod first_alert;
mod native;
#[cfg(feature = "falco-yaml")]
mod native_settings;
mod report;
#[cfg(feature = "falco-yaml")]
mod settings;
#[cfg(feature = "falco-yaml")]
mod yaml;

use crate::client::Client;
use crate::config::Config;
use crate::diagnose::Route;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::tls::Tls;
use crate::util::thread::on_delivery_thread;

pub use crate::diagnose::{Finding, Outcome, Step};
#[cfg(feature = "falco-yaml")]
pub use falco_yaml::FalcoYaml;
pub use report::Report;

/// A look at each step of the way that an alert takes.
#[derive(Clone, Debug)]
#[must_use = "nothing is looked at before it runs"]
pub struct Check {
    config: Config,
    #[cfg(feature = "falco-yaml")]
    falco_yaml: Option<FalcoYaml>,
}

impl Check {
    /// A check of what a [`Client`] with this config would do.
    pub fn new(config: Config) -> Check {
        Check {
            config,
            #[cfg(feature = "falco-yaml")]
            falco_yaml: None,
        }
    }

    /// Says as well which setting of Falco is off, by its `falco.yaml`. Default: none. Feature
    /// `falco-yaml`.
    #[cfg(feature = "falco-yaml")]
    pub fn falco_yaml(mut self, falco_yaml: FalcoYaml) -> Check {
        self.falco_yaml = Some(falco_yaml);
        self
    }

    /// Looks, on this thread, and takes no alert away from Falco.
    ///
    /// The look-up of the name, the connection and the handshake may each take
    /// [`Config::connect_timeout`], the calls that follow [`Config::call_timeout`]. What is broken,
    /// also in the config, is in the report.
    ///
    /// # Errors
    ///
    /// [`Error::WouldDeadlock`] inside a callback.
    pub fn run(&self) -> Result<Report> {
        if on_delivery_thread() {
            return Err(Error::WouldDeadlock { call: "check" });
        }
        let mut findings = Vec::new();
        let broken = self.walk(&mut findings).err();
        findings.extend(broken);
        #[cfg(feature = "falco-yaml")]
        if let Some(falco_yaml) = &self.falco_yaml {
            let endpoint = self.config.endpoint.parse().ok();
            findings.splice(0..0, falco_yaml.findings(endpoint.as_ref(), &findings));
        }
        Ok(Report::of(findings))
    }

    fn walk(&self, found: &mut Vec<Finding>) -> Result<(), Finding> {
        let at = |step| move |error: Error| Finding::failed(step, &error);
        let endpoint: Endpoint = self.config.endpoint.parse().map_err(at(Step::Endpoint))?;
        found.push(Finding::ok(Step::Endpoint, endpoint.to_string()));
        self.config.check_options().map_err(at(Step::Config))?;
        match endpoint.format() {
            Format::JsonLine => return native::look(&self.config, &endpoint, found),
            Format::Grpc => Route::new(&self.config, &endpoint).walk(Tls::load, found)?,
        }
        let client = Client::new(self.config.clone()).map_err(at(Step::Config))?;
        calls::look(&client, found)
    }
}
