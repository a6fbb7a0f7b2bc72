//! Falco's own settings, as far as they concern the output that is checked.

pub(super) mod environment;
mod files;
pub(super) mod found;
pub(super) mod losses;
pub(super) mod settings;
mod yaml;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{file, grpc, http};
use super::{Finding, Step};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Problem;
use found::FoundSettings;
use settings::FalcoSettings;

/// Where Falco's packages install it.
const DEFAULT_PATH: &str = "/etc/falco/falco.yaml";

/// How long the lookup of a host may take.
const LOOKUP: Duration = Duration::from_secs(5);

/// The settings of a Falco: its `falco.yaml`, with the files that its `config_files` name (Falco
/// 0.38 and later; by default all in `/etc/falco/config.d`). Feature `falco-yaml`.
///
/// Falco's command line (`-o`) and its environment, which may override them, are not known.
#[derive(Clone, Debug)]
pub struct FalcoYaml {
    path: PathBuf,
    /// It was found at its usual place, not given by the user.
    is_default: bool,
    settings: Result<FalcoSettings, String>,
}

impl FalcoYaml {
    /// Reads this file. A failure to read it becomes a finding of the [`Check`](super::Check).
    pub fn read(path: impl Into<PathBuf>) -> FalcoYaml {
        let path = path.into();
        FalcoYaml {
            settings: files::read(&path),
            path,
            is_default: false,
        }
    }

    /// Reads `/etc/falco/falco.yaml`, if it exists.
    pub fn find() -> Option<FalcoYaml> {
        let path = Path::new(DEFAULT_PATH);
        path.exists().then(|| FalcoYaml {
            is_default: true,
            ..FalcoYaml::read(path)
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The endpoint at which a reader on the same machine gets this Falco's alerts, if the settings
    /// have one: the first of [`endpoints`](FalcoYaml::endpoints).
    pub fn endpoint(&self) -> Option<Endpoint> {
        self.endpoints().into_iter().next()
    }

    /// The endpoints of all outputs that are enabled, as seen from Falco's own machine: `grpc`,
    /// `http_output`, `file_output`, and `-` for `program_output` and `stdout_output`.
    ///
    /// It looks up the host of `http_output.url`. One that is another machine is left out. If none
    /// but `stdout_output` is enabled, as by default, and it writes text, `grpc.bind_address` comes
    /// first.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let Ok(settings) = &self.settings else {
            return Vec::new();
        };
        let on = |path, default| settings.is_on(path, default) != Some(false);
        let mut endpoints = Vec::new();
        let serves_grpc = on("grpc.enabled", false) && on("grpc_output.enabled", true);
        let grpc = grpc::settings::endpoint(settings);
        if serves_grpc {
            endpoints.extend(grpc.clone());
        }
        if on("http_output.enabled", false) {
            endpoints.extend(http::settings::endpoint(settings, LOOKUP));
        }
        if on("file_output.enabled", false) {
            endpoints.extend(file::endpoint(settings));
        }
        let writes_json = on("json_output", false) || on("program_output.enabled", false);
        if endpoints.is_empty() && !writes_json {
            endpoints.extend(grpc);
        }
        if on("program_output.enabled", false) || on("stdout_output.enabled", false) {
            endpoints.push(Endpoint::Stdin);
        }
        endpoints
    }

    /// Checks the settings that concern the endpoint of `config`, after it was probed.
    pub(super) fn findings(&self, config: &Config, probed: &[Finding]) -> Vec<Finding> {
        let path = self.path.display();
        let settings = match (&self.settings, self.is_default) {
            (Ok(settings), _) => settings,
            (Err(problem), true) => {
                let problem = Problem::alone(format!("{path} {problem}"));
                return vec![Finding::warning(Step::FalcoYaml, problem)];
            }
            (Err(problem), false) => {
                let problem = (format!("{path} {problem}"), "give Falco's falco.yaml");
                return vec![Finding::failed(Step::FalcoYaml, problem)];
            }
        };
        let found = FoundSettings {
            settings,
            is_default: self.is_default,
            lead_to: &|endpoint| self.endpoints().contains(endpoint),
        };
        match config.endpoint.parse() {
            Ok(endpoint) => super::of(&endpoint).falco_findings(&found, config, probed),
            Err(_) => grpc::settings::findings(&found, None, probed),
        }
    }
}
