//! The settings of Falco's gRPC server and of its gRPC output.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use crate::check::falco_yaml::found::FoundSettings;
use crate::check::falco_yaml::losses::dropped;
use crate::check::falco_yaml::settings::{FalcoSettings, SET_TO_TRUE};
use crate::check::{Finding, Outcome, Step};
use crate::endpoint::{Endpoint, GrpcAddress};
use crate::error::Problem;
use crate::util::url::without_secrets;

/// What Falco uses where the key is missing.
const DEFAULT_ADDRESS: &str = "0.0.0.0:5060";

/// Whether these settings let alerts arrive at `endpoint`, after it was probed.
pub(in crate::check) fn findings(
    found: &FoundSettings<'_>,
    endpoint: Option<&Endpoint>,
    probed: &[Finding],
) -> Vec<Finding> {
    let settings = found.settings;
    let is_of_endpoint = match (endpoint, self::endpoint(settings)) {
        (Some(endpoint), Some(bound)) => same_place(endpoint, &bound),
        _ => false,
    };
    let failed = failed_at_falco(probed);
    // A file at its usual place may belong to another Falco than the one at the endpoint.
    let is_local = match endpoint.and_then(Endpoint::grpc) {
        Some(GrpcAddress::Tcp { host, .. }) => is_local(host),
        Some(GrpcAddress::Unix(_)) | None => true,
    };
    if found.is_default && !is_of_endpoint && !(is_local && failed) {
        return Vec::new();
    }
    let mut findings = settings.include_findings();
    // Falco's command line may override these settings: what was probed decides.
    let finding = |failed, problem: Problem| match failed {
        true => Finding::failed(Step::FalcoYaml, problem),
        false => Finding::warning(Step::FalcoYaml, problem),
    };
    let certain = is_of_endpoint || !found.is_default;
    let unknown = settings.unknown(&["grpc.enabled", "grpc.bind_address", "grpc_output.enabled"]);
    let unknown = unknown.into_iter();
    findings.extend(unknown.map(|problem| Finding::warning(Step::FalcoYaml, problem)));
    let suspects = suspects(settings, endpoint).into_iter();
    findings.extend(suspects.map(|problem| finding(failed && certain, problem)));
    // With this output disabled all probes succeed, and no alert ever arrives.
    if let Some(problem) = output_disabled(settings) {
        findings.push(finding(is_of_endpoint || failed && certain, problem));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            Step::FalcoYaml,
            format!(
                "{}: grpc and grpc_output are enabled, bind_address {}",
                settings.main().display(),
                bind_address(settings).unwrap_or_default()
            ),
        ));
    }
    let lost = endpoint.map(|_| dropped(settings));
    let lost = lost.into_iter().flatten();
    findings.extend(lost.map(|problem| Finding::warning(Step::FalcoYaml, problem)));
    findings
}

/// Whether a step failed at which Falco's settings can be to blame.
fn failed_at_falco(probed: &[Finding]) -> bool {
    probed.iter().any(|finding| {
        finding.outcome == Outcome::Failed
            && matches!(
                finding.step,
                Step::Socket | Step::Tcp | Step::Alpn | Step::Version | Step::Outputs
            )
    })
}

/// Settings that may be the cause of a failure.
fn suspects(settings: &FalcoSettings, endpoint: Option<&Endpoint>) -> Vec<Problem> {
    if !settings.has_grpc() {
        let main = settings.main().display();
        if settings.is_on("http_output.enabled", false) == Some(true) {
            let url = settings.setting("http_output.url");
            let url = url
                .map(|it| without_secrets(it.written))
                .unwrap_or_default();
            let problem = format!("{main} has no grpc; its http_output posts to {url:?}");
            let remedy = "let it post to this machine, at the endpoint listen+http://ADDR:PORT";
            return vec![(problem, remedy).into()];
        }
        let (problem, remedy) = match settings.is_falco() {
            true => (
                "has no grpc and no grpc_output, as with Falco 0.44 and later, which have no gRPC",
                "in Falco 0.24 to 0.43 set grpc.enabled and grpc_output.enabled to true, later let \
                 its http_output send to the endpoint listen+http://ADDR:PORT",
            ),
            false => ("does not look like Falco's", "give its falco.yaml"),
        };
        return vec![(format!("{main} {problem}"), remedy).into()];
    }
    let mut suspects = Vec::new();
    if let Some((file, how)) = settings.disabled("grpc", false) {
        let file = file.display();
        suspects.push((format!("{file}: grpc.enabled {how}"), SET_TO_TRUE).into());
    }
    suspects.extend(bound_elsewhere(settings, endpoint));
    suspects
}

fn bound_elsewhere(settings: &FalcoSettings, endpoint: Option<&Endpoint>) -> Option<Problem> {
    let file = settings.file("grpc").display();
    let address = bind_address(settings)?;
    match (address.parse::<Endpoint>(), endpoint?) {
        (Ok(bound), endpoint) if same_place(endpoint, &bound) => None,
        (Ok(_), endpoint) => {
            let problem =
                format!("{file}: grpc.bind_address is {address}, and the endpoint is {endpoint}");
            Some((problem, "make them the same").into())
        }
        (Err(error), _) => {
            Some(Problem::from(&error).of(format_args!("{file}: grpc.bind_address")))
        }
    }
}

/// None where Falco's environment decides.
fn bind_address(settings: &FalcoSettings) -> Option<String> {
    match settings.setting("grpc.bind_address") {
        Some(setting) => setting.known().map(str::to_owned),
        None => Some(DEFAULT_ADDRESS.to_owned()),
    }
}

/// The endpoint of the gRPC server on its own machine, if the settings have it.
pub(in crate::check) fn endpoint(settings: &FalcoSettings) -> Option<Endpoint> {
    let setting = settings.setting("grpc.bind_address")?;
    let endpoint: Endpoint = setting.known()?.parse().ok()?;
    Some(match endpoint {
        Endpoint::Tcp { host, port } if is_any(&host) => Endpoint::Tcp {
            host: "localhost".to_owned(),
            port,
        },
        other => other,
    })
}

fn is_any(host: &str) -> bool {
    ["0.0.0.0", "::"].contains(&host)
}

fn output_disabled(settings: &FalcoSettings) -> Option<Problem> {
    let (file, how) = settings.disabled("grpc_output", true)?;
    if !settings.has("grpc") {
        return None;
    }
    let problem = format!(
        "{}: grpc_output.enabled {how}, so that no alert ever arrives",
        file.display()
    );
    Some((problem, SET_TO_TRUE).into())
}

fn is_local(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// Whether a client at `endpoint` can mean what is `bound`. Only its own machine knows the addresses
/// of a host.
fn same_place(endpoint: &Endpoint, bound: &Endpoint) -> bool {
    match (endpoint.grpc(), bound.grpc()) {
        (Some(GrpcAddress::Unix(endpoint)), Some(GrpcAddress::Unix(bound))) => {
            let real = |path: &Path| fs::canonicalize(path).unwrap_or(path.to_owned());
            real(endpoint) == real(bound)
        }
        (
            Some(GrpcAddress::Tcp { port: endpoint, .. }),
            Some(GrpcAddress::Tcp { port: bound, .. }),
        ) => endpoint == bound,
        (Some(GrpcAddress::Unix(_) | GrpcAddress::Tcp { .. }) | None, _) => false,
    }
}
