//! Falco's own settings, as far as they concern the output that is checked.

pub(super) mod settings;
mod yaml;

use std::path::{Path, PathBuf};

use super::{file, grpc, http, stdin};
use super::{Finding, Step};
use crate::endpoint::Endpoint;
use crate::error::Problem;
use settings::FalcoSettings;

/// Where Falco's packages install it.
const DEFAULT_PATH: &str = "/etc/falco/falco.yaml";

/// The settings of a Falco: its `falco.yaml`, with the files that its `config_files` name (Falco
/// 0.38 and later; by default all in `/etc/falco/config.d`). Feature `falco-yaml`.
///
/// Falco's command line (`-o`) and its environment, which may override them, are not known.
#[derive(Clone, Debug)]
pub struct FalcoYaml {
    path: PathBuf,
    /// It was found at its usual place, not given by the user.
    pub(super) is_default: bool,
    settings: Result<FalcoSettings, String>,
}

impl FalcoYaml {
    /// Reads this file. A failure to read it becomes a finding of the [`Check`](super::Check).
    pub fn read(path: impl Into<PathBuf>) -> FalcoYaml {
        let path = path.into();
        FalcoYaml {
            settings: FalcoSettings::read(&path),
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

    /// The endpoint of this Falco's gRPC server on its own machine, if the settings have it.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let settings = self.settings.as_ref().ok()?;
        let endpoint: Endpoint = settings.text("grpc", "bind_address")?.parse().ok()?;
        Some(match endpoint {
            Endpoint::Tcp { host, port } if is_any(&host) => Endpoint::Tcp {
                host: "localhost".to_owned(),
                port,
            },
            other => other,
        })
    }

    /// Checks the settings that concern `endpoint`, after it was probed.
    pub(super) fn findings(&self, endpoint: Option<&Endpoint>, probed: &[Finding]) -> Vec<Finding> {
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
        let (endpoint, output, problems) = match endpoint {
            None | Some(Endpoint::Unix(_) | Endpoint::Tcp { .. }) => {
                return grpc::settings::findings(self, settings, endpoint, probed);
            }
            Some(endpoint @ Endpoint::Listen { tls, port, .. }) => {
                let problems = http::setting_problems(settings, endpoint, *tls, *port);
                (endpoint, http::OUTPUT, problems)
            }
            Some(endpoint @ Endpoint::File(path)) => {
                let problems = file::setting_problems(settings, endpoint, path);
                (endpoint, file::OUTPUT, problems)
            }
            Some(endpoint @ Endpoint::Stdin) => {
                (endpoint, stdin::OUTPUT, stdin::setting_problems(settings))
            }
        };
        let mut findings = settings.include_findings();
        // Alerts may come from another Falco than the one whose settings are at the usual place.
        findings.extend(problems.into_iter().map(|problem| match self.is_default {
            true => Finding::warning(Step::FalcoYaml, problem),
            false => Finding::failed(Step::FalcoYaml, problem),
        }));
        let leads_here = findings.is_empty();
        let losses = settings.losses().into_iter();
        findings.extend(losses.map(|problem| Finding::warning(Step::FalcoYaml, problem)));
        if leads_here {
            let text = format!("{path}: json_output and {output} are on, and lead to {endpoint}");
            findings.push(Finding::ok(Step::FalcoYaml, text));
        }
        findings
    }
}

fn is_any(host: &str) -> bool {
    ["0.0.0.0", "::"].contains(&host)
}
