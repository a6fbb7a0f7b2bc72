//! Alerts that Falco's `http_output` posts to this machine.

#[cfg(feature = "falco-yaml")]
use super::falco_yaml::settings::FalcoSettings;
use super::{Finding, Step};
use crate::client::Client;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Error;
#[cfg(feature = "falco-yaml")]
use crate::error::Problem;

/// Binds the port for a moment, and accepts no connection.
pub(super) fn probe(
    config: &Config,
    endpoint: &Endpoint,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    Client::new(config.clone()).map_err(|error| match &error {
        Error::Tls { .. } => Finding::failed(Step::Certificates, &error),
        _ => Finding::failed(Step::Tcp, &error),
    })?;
    let text = format!("{endpoint} can be bound; Falco's http_output.url must lead there");
    findings.push(Finding::ok(Step::Tcp, text));
    Ok(())
}

/// The output that posts.
#[cfg(feature = "falco-yaml")]
pub(super) const OUTPUT: &str = "http_output";

/// Settings that keep alerts from being posted there.
#[cfg(feature = "falco-yaml")]
pub(super) fn setting_problems(
    settings: &FalcoSettings,
    endpoint: &Endpoint,
    tls: bool,
    port: u16,
) -> Vec<Problem> {
    let leads_here = |url: &str| is_url_of(url, tls, port);
    let mut problems = Vec::new();
    problems.extend(settings.json_disabled());
    problems.extend(settings.output_disabled(OUTPUT, false));
    problems.extend(settings.leads_elsewhere(OUTPUT, "url", endpoint, leads_here));
    problems
}

/// Whether a url has this scheme and port. The host is not compared: only its own machine knows its
/// names.
#[cfg(feature = "falco-yaml")]
fn is_url_of(url: &str, tls: bool, port: u16) -> bool {
    let (scheme, default_port) = if tls { ("https", 443) } else { ("http", 80) };
    // curl takes a url without a scheme for http.
    let (found, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let found_port = match authority.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None => Some(default_port),
    };
    found.eq_ignore_ascii_case(scheme) && (port == 0 || found_port == Some(port))
}
