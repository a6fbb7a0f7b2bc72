//! The settings of Falco's `http_output`, and whether they lead to the endpoint.

use std::time::{Duration, Instant};

use super::place::{HostPlace, Listens};
use super::url::{unquoted, Url};
use super::{tls, OUTPUT};
use crate::check::falco_yaml::settings::FalcoSettings;
use crate::check::{Finding, Step};
use crate::config::Config;
use crate::endpoint::{authority, Endpoint};
use crate::error::Problem;
use crate::util::url::without_secrets;

/// What keeps alerts from being posted to the endpoint, and what is well with TLS.
pub(in crate::check) fn findings(
    settings: &FalcoSettings,
    config: &Config,
    endpoint: &Endpoint,
) -> Vec<Finding> {
    let failed = |problem: Problem| Finding::failed(Step::FalcoYaml, problem);
    let mut findings: Vec<Finding> = settings.json_disabled().map(failed).into_iter().collect();
    findings.extend(settings.output_disabled(OUTPUT).map(failed));
    let unknown = settings.unknown(&["json_output", "http_output.enabled", "http_output.url"]);
    let unknown = unknown.into_iter();
    findings.extend(unknown.map(|problem| Finding::warning(Step::FalcoYaml, problem)));
    if let Endpoint::Listen { tls, host, port } = endpoint {
        let target = PostTarget {
            settings,
            endpoint,
            tls: *tls,
            host,
            port: *port,
            timeout: *config.connect_timeout,
        };
        findings.extend(target.compare(config));
    }
    findings
}

/// The endpoint that takes what Falco posts, unless that leads to another machine.
pub(in crate::check) fn endpoint(settings: &FalcoSettings, within: Duration) -> Option<Endpoint> {
    let url = settings.setting("http_output.url")?;
    let url = Url::parse(unquoted(url.known()?)).ok()?;
    let (host, port) = (url.host?, url.port?);
    let tls = match url.scheme?.as_str() {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let v6 = host.contains(':');
    let host = match HostPlace::of(&host, Instant::now() + within) {
        HostPlace::Loopback(_) if v6 => "::1",
        HostPlace::Loopback(_) => "127.0.0.1",
        HostPlace::Here(_) if v6 => "::",
        HostPlace::Here(_) => "0.0.0.0",
        // As in the settings of a container: it may be this machine where Falco runs.
        HostPlace::Unknown => "0.0.0.0",
        HostPlace::Elsewhere(_) => return None,
    };
    Some(Endpoint::Listen {
        tls,
        host: host.to_owned(),
        port,
    })
}

struct PostTarget<'a> {
    settings: &'a FalcoSettings,
    endpoint: &'a Endpoint,
    tls: bool,
    host: &'a str,
    port: u16,
    timeout: Duration,
}

impl PostTarget<'_> {
    fn compare(&self, config: &Config) -> Vec<Finding> {
        let setting = self.settings.setting("http_output.url");
        let (expanded, written) = match &setting {
            Some(setting) => (unquoted(&setting.expanded), unquoted(setting.written)),
            // With the whole section, it is missing because the output is disabled.
            None if !self.settings.has(OUTPUT) => return Vec::new(),
            None => ("", ""),
        };
        if expanded.is_empty() {
            return vec![self.failed("http_output.url is not set", self.set_url(None))];
        }
        let shown = format!("http_output.url is {:?}", without_secrets(written));
        let url = match Url::parse(expanded) {
            Ok(url) => url,
            Err(problem) => {
                return vec![self.failed(format!("{shown}, which {problem}"), self.set_url(None))]
            }
        };
        let host = url.host.as_deref();
        let elsewhere = format!("{shown}, and alerts are expected at {}", self.endpoint);
        match url.scheme.as_deref() {
            Some("http") if self.tls => {
                let problem = format!("{elsewhere}, which takes TLS alone");
                let remedy = format!("{}, or listen at listen+http", self.same(host));
                return vec![self.failed(problem, remedy)];
            }
            Some("https") if !self.tls => {
                let problem = format!("{elsewhere}, which has no TLS");
                let remedy = format!("{}, or listen at listen+https", self.same(host));
                return vec![self.failed(problem, remedy)];
            }
            Some("http" | "https") | None => {}
            Some(_) => return vec![self.failed(elsewhere, self.same(host))],
        }
        if self.port != 0 && url.port.is_some_and(|port| port != self.port) {
            return vec![self.failed(elsewhere, self.same(host))];
        }
        let Some(host) = host else {
            return Vec::new();
        };
        let place = HostPlace::of(host, Instant::now() + self.timeout);
        let mut findings = self.compare_hosts(host, &place);
        if self.tls {
            if let Some(ours) = &config.tls {
                let falco_is_here = place.is_this_machine() && !self.settings.is_embedded();
                findings.extend(tls::findings(self.settings, ours, host, falco_is_here));
            }
        }
        findings
    }

    fn compare_hosts(&self, host: &str, place: &HostPlace) -> Vec<Finding> {
        let deadline = Instant::now() + self.timeout;
        let addresses = place.addresses();
        let shown = match addresses {
            [address] if address.to_string() == host => host.to_owned(),
            addresses => {
                let addresses: Vec<_> = addresses.iter().map(|it| it.to_string()).collect();
                format!("{host}, which is {}", addresses.join(", "))
            }
        };
        let leads = format!("http_output.url leads to {shown}");
        let listens = Listens::of(self.host, deadline);
        let is_reached = addresses.iter().any(|it| listens.takes(*it));
        let local_alone = matches!(&listens, Listens::At(it) if it.is_loopback());
        let everywhere = match host.contains(':') {
            true => "[::]",
            false => "0.0.0.0",
        };
        match place {
            HostPlace::Unknown => vec![self.warning(
                format!("http_output.url leads to {host}, a name that is unknown here"),
                "see whether it is the name of this machine where Falco runs",
            )],
            HostPlace::Loopback(_) if self.settings.is_embedded() => vec![self.warning(
                format!("{leads}: in a container, this is the container or pod of Falco alone"),
                "run there, or write the name by which Falco reaches this endpoint",
            )],
            HostPlace::Loopback(_) | HostPlace::Here(_) if is_reached => Vec::new(),
            HostPlace::Loopback(_) | HostPlace::Here(_) => vec![self.failed(
                format!(
                    "{leads}, and the endpoint {} takes nothing there",
                    self.endpoint
                ),
                format!("{}, or listen at {everywhere}", self.same(None)),
            )],
            HostPlace::Elsewhere(_) if local_alone => vec![self.failed(
                format!(
                    "{leads}, not this machine, and the endpoint {} takes local connections alone",
                    self.endpoint
                ),
                format!(
                    "{}, or write this machine's name there and listen at {everywhere}",
                    self.same(None)
                ),
            )],
            HostPlace::Elsewhere(_) => vec![self.warning(
                format!("{leads}, no address of this machine"),
                "write this machine's name there, unless a service or a forwarded port leads here",
            )],
        }
    }

    fn same(&self, host: Option<&str>) -> String {
        format!("make them lead to the same: {}", self.set_url(host))
    }

    /// The remedy: a url that leads to the endpoint, by the host that is set already, if that is right.
    fn set_url(&self, host: Option<&str>) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let host = host.unwrap_or(match self.host {
            "0.0.0.0" | "::" => "HOST",
            host => host,
        });
        let address = match self.port {
            0 => format!("{host}:PORT"),
            port => authority(host, port),
        };
        format!("set http_output.url to {scheme}://{address}/")
    }

    fn failed(&self, problem: impl std::fmt::Display, remedy: impl Into<String>) -> Finding {
        Finding::failed(Step::FalcoYaml, self.problem(problem, remedy.into()))
    }

    fn warning(&self, problem: impl std::fmt::Display, remedy: impl Into<String>) -> Finding {
        Finding::warning(Step::FalcoYaml, self.problem(problem, remedy.into()))
    }

    fn problem(&self, problem: impl std::fmt::Display, remedy: String) -> Problem {
        let file = self.settings.file(OUTPUT).display();
        (format!("{file}: {problem}"), remedy).into()
    }
}
