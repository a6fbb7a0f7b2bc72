//! Which Falco is on this host, and what to type to read its alerts.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use falco_client::check::FalcoYaml;
use falco_client::{Client, Config, Endpoint};

use crate::escape::Escaped;

/// Before Falco 0.33.
const FORMER_SOCKET: &str = "unix:///var/run/falco.sock";

/// How long each answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Default, PartialEq)]
pub struct NextSteps {
    pub found: String,
    /// What to type, and what it does.
    pub commands: Vec<(String, &'static str)>,
}

pub fn find_here() -> NextSteps {
    let sockets = [Endpoint::DEFAULT, FORMER_SOCKET];
    find(&sockets, FalcoYaml::find(), &super::this_command())
}

fn find(sockets: &[&str], falco_yaml: Option<FalcoYaml>, this: &str) -> NextSteps {
    let configured = falco_yaml.as_ref().and_then(FalcoYaml::endpoint);
    let configured = configured.map(|endpoint| endpoint.to_string());
    let mut candidates = configured
        .as_deref()
        .into_iter()
        .chain(sockets.iter().copied());
    if let Some(endpoint) = candidates.find(|endpoint| is_socket(endpoint)) {
        return of_socket(endpoint, this);
    }
    let receive = (
        format!("{this} watch --endpoint listen+http://127.0.0.1:2801"),
        "receives what Falco posts: http_output, every version",
    );
    let check = (
        format!("{this} check"),
        "says which settings of falco.yaml keep alerts from being sent",
    );
    match falco_yaml {
        Some(yaml) => NextSteps {
            found: format!(
                "Your own Falco{}: {} is here, and no socket of its gRPC API.",
                installed_version(),
                Escaped(&yaml.path().display().to_string()),
            ),
            commands: vec![
                check,
                configured.map_or(receive, |endpoint| of_output(&endpoint, this)),
            ],
        },
        None => NextSteps {
            found: "Your own Falco is not on this host: no socket, no /etc/falco/falco.yaml. \
                    Wherever it is:"
                .to_owned(),
            commands: vec![
                receive,
                (
                    format!(
                        "{this} watch --endpoint falco.example.com:5060 \\\n      \
                         --ca ca.crt --cert client.crt --key client.key"
                    ),
                    "reads its gRPC API over mutual TLS, up to Falco 0.43",
                ),
                (
                    format!("falco -o json_output=true | {this} watch --endpoint -"),
                    "reads a pipe",
                ),
            ],
        },
    }
}

/// The output that is enabled.
fn of_output(endpoint: &str, this: &str) -> (String, &'static str) {
    let watch = format!("{this} watch --endpoint {}", Escaped(endpoint));
    match endpoint.parse() {
        Ok(Endpoint::Tcp { .. }) => (
            format!("{watch} \\\n      --ca ca.crt --cert client.crt --key client.key"),
            "reads its gRPC API over mutual TLS",
        ),
        Ok(Endpoint::Stdin) => (
            format!("falco -o json_output=true | {watch}"),
            "reads its standard output",
        ),
        _ => (watch, "reads the output that these settings enable"),
    }
}

fn is_socket(endpoint: &str) -> bool {
    match endpoint.parse() {
        Ok(Endpoint::Unix(path)) => Path::new(&path).exists(),
        _ => false,
    }
}

fn of_socket(endpoint: &str, this: &str) -> NextSteps {
    let option = match endpoint == Endpoint::DEFAULT {
        true => String::new(),
        false => format!(" --endpoint {endpoint}"),
    };
    let config = Config::new(endpoint)
        .connect_timeout(PATIENCE)
        .call_timeout(PATIENCE);
    match Client::new(config).and_then(|client| client.version()) {
        Ok(version) => NextSteps {
            found: format!(
                "Your own Falco {} answers at {endpoint}:",
                Escaped(&version.version)
            ),
            commands: vec![
                (
                    format!("{this} watch{option}"),
                    "shows its alerts as they arrive; Falco gives each once",
                ),
                (
                    format!("{this} watch{option} --min-priority warning | tee -a alerts.jsonl"),
                    "keeps them as JSON lines",
                ),
            ],
        },
        Err(error) => NextSteps {
            found: format!(
                "Your own Falco does not answer: {}",
                Escaped(&error.to_string())
            ),
            commands: vec![(
                format!("{this} check{option}"),
                "finds out why, step by step",
            )],
        },
    }
}

/// As the command `falco` reports it, or nothing.
fn installed_version() -> String {
    let (send, answer) = mpsc::channel();
    let ask = move || {
        let mut falco = Command::new("falco");
        falco
            .arg("--version")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let _too_late = send.send(falco.output());
    };
    // Without the thread, or an answer in time, only the version is missing.
    let _ = thread::Builder::new()
        .name("falco --version".to_owned())
        .spawn(ask);
    let Ok(Ok(output)) = answer.recv_timeout(PATIENCE) else {
        return String::new();
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("Falco version: "));
    let version = version.and_then(|version| version.split_whitespace().next());
    version.map_or(String::new(), |version| format!(" {}", Escaped(version)))
}

#[cfg(test)]
mod tests {
    use falco_client::server::Server;

    use super::*;

    fn commands(next: &NextSteps) -> String {
        let commands: Vec<_> = next
            .commands
            .iter()
            .map(|(command, _)| command.as_str())
            .collect();
        commands.join("\n")
    }

    #[test]
    fn a_falco_that_answers_is_named_with_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let socket = format!("unix://{}/falco.sock", folder.path().display());
        let absent = find(&[&socket], None, "me");
        assert!(absent.found.contains("not on this host"), "{absent:?}");
        assert!(
            commands(&absent).starts_with("me watch --endpoint listen+http"),
            "{absent:?}"
        );

        let server = Server::builder()
            .listen(&socket)
            .falco("0.40.0")
            .start()
            .unwrap();
        let next = find(&["unix:///no/such.sock", &socket], None, "me");
        assert!(
            next.found.contains("0.40.0") && next.found.contains(&socket),
            "{next:?}"
        );
        assert!(
            commands(&next).contains(&format!("me watch --endpoint {socket}")),
            "{next:?}"
        );
        server.stop(Duration::from_secs(1));
    }

    #[test]
    fn a_socket_that_nothing_serves_leads_to_a_check() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("falco.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = format!("unix://{}", path.display());
        let next = find(&[&socket], None, "me");
        assert_eq!(commands(&next), format!("me check --endpoint {socket}"));
        assert!(next.found.contains("does not answer"), "{next:?}");
    }

    #[test]
    fn the_settings_of_a_falco_lead_to_its_socket_or_to_a_check() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("falco.yaml");
        std::fs::write(&path, "json_output: true\n").unwrap();
        let next = find(&[], Some(FalcoYaml::read(&path)), "me");
        assert!(next.found.contains(path.to_str().unwrap()), "{next:?}");
        assert!(commands(&next).starts_with("me check\n"), "{next:?}");

        let socket = format!("unix://{}/falco.sock", folder.path().display());
        let settings = format!("grpc:\n  enabled: true\n  bind_address: {socket}\n");
        std::fs::write(&path, settings).unwrap();
        let server = Server::builder().listen(&socket).start().unwrap();
        let next = find(&[], Some(FalcoYaml::read(&path)), "me");
        assert!(next.found.contains("0.43.1"), "{next:?}");
        server.stop(Duration::from_secs(1));
    }
}
