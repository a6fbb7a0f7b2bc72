//! Falco's own settings, as far as they concern this way out of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::native_settings::output;
use super::settings::{Settings, CONCERNED, OTHERS, SET_TO_TRUE, UNSET_ADDRESS};
use super::{Finding, Outcome, Step};
use crate::endpoint::Endpoint;
use crate::error::Problem;
use crate::format::Format;

/// Where Falco's packages put it.
const USUAL: &str = "/etc/falco/falco.yaml";

/// The settings of a Falco: its `falco.yaml`, with the files that its `config_files` name (Falco
/// 0.38 and later; by default all in `/etc/falco/config.d`). Feature `falco-yaml`.
///
/// What its command line (`-o`) sets otherwise, and its environment, is not known.
#[derive(Clone, Debug)]
pub struct FalcoYaml {
    path: PathBuf,
    /// It was there, and not asked for.
    found: bool,
    settings: Result<Settings, String>,
}

impl FalcoYaml {
    /// Reads this one. That it cannot be read becomes a finding of the [`Check`](super::Check).
    pub fn read(path: impl Into<PathBuf>) -> FalcoYaml {
        let path = path.into();
        FalcoYaml {
            settings: Settings::read(&path),
            path,
            found: false,
        }
    }

    /// Reads `/etc/falco/falco.yaml`, if it is there.
    pub fn find() -> Option<FalcoYaml> {
        let path = Path::new(USUAL);
        path.exists().then(|| FalcoYaml {
            found: true,
            ..FalcoYaml::read(path)
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where this Falco listens as it is seen from its own machine, if the settings say so.
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

    /// What is off, with `walked` as what was found on the way to `endpoint`.
    pub(super) fn findings(&self, endpoint: Option<&Endpoint>, walked: &[Finding]) -> Vec<Finding> {
        let file = self.path.display();
        let settings = match (&self.settings, self.found) {
            (Ok(settings), _) => settings,
            (Err(problem), true) => {
                let problem = Problem::alone(format!("{file} {problem}"));
                return vec![Finding::warning(Step::FalcoYaml, problem)];
            }
            (Err(problem), false) => {
                let problem = (format!("{file} {problem}"), "give Falco's falco.yaml");
                return vec![Finding::failed(Step::FalcoYaml, problem)];
            }
        };
        if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.format() == Format::JsonLine) {
            return self.native_findings(settings, endpoint);
        }
        let (ours, broken) = (self.is_of(endpoint), broken_at_falco(walked));
        // One that only happens to be here may be of another Falco than the one that is asked.
        let local = match endpoint {
            Some(Endpoint::Tcp { host, .. }) => is_local(host),
            _ => true,
        };
        if self.found && !ours && !(local && broken) {
            return Vec::new();
        }
        let mut findings: Vec<_> = settings
            .faults
            .iter()
            .map(|fault| Finding::warning(Step::FalcoYaml, fault.clone()))
            .collect();
        // These may have been set otherwise on the command line: what was met on the way decides.
        let suspects = settings.suspects(&self.path, endpoint);
        let finding = |failed, problem: Problem| match failed {
            true => Finding::failed(Step::FalcoYaml, problem),
            false => Finding::warning(Step::FalcoYaml, problem),
        };
        let certain = ours || !self.found;
        let suspects = suspects.into_iter();
        findings.extend(suspects.map(|problem| finding(broken && certain, problem)));
        // Where this is off, all else goes well and no alert ever comes.
        if let Some(problem) = settings.output_off(&self.path) {
            findings.push(finding(ours || broken && certain, problem));
        }
        if findings.is_empty() {
            let address = settings
                .text("grpc", "bind_address")
                .unwrap_or(UNSET_ADDRESS);
            findings.push(Finding::ok(
                Step::FalcoYaml,
                format!("{file}: grpc and grpc_output are enabled, bind_address {address}"),
            ));
        }
        findings
    }

    /// Alerts come from elsewhere, so that one that only happens to be here is just a hint.
    fn native_findings(&self, settings: &Settings, endpoint: &Endpoint) -> Vec<Finding> {
        let faults = settings.native_faults(&self.path, endpoint);
        let mut findings: Vec<_> = settings
            .faults
            .iter()
            .map(|fault| Finding::warning(Step::FalcoYaml, fault.clone()))
            .collect();
        findings.extend(faults.into_iter().map(|problem| match self.found {
            true => Finding::warning(Step::FalcoYaml, problem),
            false => Finding::failed(Step::FalcoYaml, problem),
        }));
        if findings.is_empty() {
            let text = format!(
                "{}: json_output and {} are on, and lead to {endpoint}",
                self.path.display(),
                output(endpoint)
            );
            findings.push(Finding::ok(Step::FalcoYaml, text));
        }
        findings
    }

    fn is_of(&self, endpoint: Option<&Endpoint>) -> bool {
        match (endpoint, self.endpoint()) {
            (Some(endpoint), Some(bound)) => same_place(endpoint, &bound),
            _ => false,
        }
    }
}

/// Whether the way ended where Falco should have been, or what it should have.
fn broken_at_falco(walked: &[Finding]) -> bool {
    walked.iter().any(|finding| {
        finding.outcome == Outcome::Failed
            && matches!(
                finding.step,
                Step::Socket | Step::Tcp | Step::Alpn | Step::Version | Step::Outputs
            )
    })
}

impl Settings {
    fn suspects(&self, main: &Path, endpoint: Option<&Endpoint>) -> Vec<Problem> {
        if !CONCERNED.iter().any(|key| self.has(key)) {
            let main = main.display();
            let (problem, remedy) = match OTHERS.iter().any(|key| self.has(key)) {
                true => (
                    "has no grpc and no grpc_output, as with Falco 0.44 and later, which have no \
                     gRPC",
                    "in Falco 0.24 to 0.43 set grpc.enabled and grpc_output.enabled to true, later \
                     let its http_output send to the endpoint listen+http://ADDR:PORT",
                ),
                false => ("does not look like Falco's", "give its falco.yaml"),
            };
            return vec![(format!("{main} {problem}"), remedy).into()];
        }
        let mut suspects = Vec::new();
        if let Some((file, how)) = self.off(main, "grpc", false) {
            let file = file.display();
            suspects.push((format!("{file}: grpc.enabled {how}"), SET_TO_TRUE).into());
        }
        suspects.extend(self.elsewhere(main, endpoint));
        suspects
    }

    fn elsewhere(&self, main: &Path, endpoint: Option<&Endpoint>) -> Option<Problem> {
        let file = self.value("grpc").map_or(main, |(_, file)| file).display();
        let address = self.text("grpc", "bind_address").unwrap_or(UNSET_ADDRESS);
        // Of Falco's environment.
        if address.contains("${") {
            return None;
        }
        match (address.parse::<Endpoint>(), endpoint?) {
            (Ok(bound), endpoint) if same_place(endpoint, &bound) => None,
            (Ok(_), endpoint) => {
                let problem = format!(
                    "{file}: grpc.bind_address is {address}, and the endpoint asked is {endpoint}"
                );
                Some((problem, "make them the same").into())
            }
            (Err(error), _) => {
                let what = format_args!("{file}: grpc.bind_address");
                Some(Problem::from(&error).of(what))
            }
        }
    }

    fn output_off(&self, main: &Path) -> Option<Problem> {
        self.value("grpc")?;
        let (file, how) = self.off(main, "grpc_output", true)?;
        let problem = format!(
            "{}: grpc_output.enabled {how}, so that no alert ever comes",
            file.display()
        );
        Some((problem, SET_TO_TRUE).into())
    }
}

fn is_any(host: &str) -> bool {
    ["0.0.0.0", "::"].contains(&host)
}

fn is_local(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// Whether a client at `endpoint` can mean what is `bound`. Of a host only its own machine knows
/// which addresses it has.
fn same_place(endpoint: &Endpoint, bound: &Endpoint) -> bool {
    match (endpoint, bound) {
        (Endpoint::Unix(endpoint), Endpoint::Unix(bound)) => {
            let real = |path: &Path| fs::canonicalize(path).unwrap_or(path.to_owned());
            real(endpoint) == real(bound)
        }
        (Endpoint::Tcp { port: endpoint, .. }, Endpoint::Tcp { port: bound, .. }) => {
            endpoint == bound
        }
        _ => false,
    }
}
