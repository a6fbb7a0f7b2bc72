//! `relay`: forwards alerts until a signal or the end of all sources.

mod args;
mod check;
mod config_file;
mod plan;
mod planned_source;

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use falco_client::relay::Relay;
use falco_client::EndpointKind;

use crate::args::table;
use crate::diagnostics::{say, Code, Failure};
use crate::output::require_stdout;
use crate::service_manager;
use crate::shutdown::{on_closed_output, signals};
pub use args::{header, headers_of, RelayArgs};
use plan::Plan;
use planned_source::PlannedSource;

const SINKS: &str = "\
Sinks:
  grpc                      Falco's gRPC API at unix:///run/falco/falco.sock
  unix:///path, host:port   the same at another address
  http://…, https://…       each alert posted as http_output does
  /path, file:///path       JSON lines appended to a file
  -                         standard output
  redis://HOST/STREAM       a stream of Redis or Valkey";

/// With the feature `kafka` only.
const KAFKA: &str = match cfg!(feature = "kafka") {
    true => "\n  kafka://BROKER/TOPIC      a topic of Kafka",
    false => "",
};

const DETAILS: &str = "\
While a sink is down, alerts wait in the spool. SIGINT and SIGTERM shut the relay down gracefully: \
it takes what is in flight from the sources, delivers the spool within --close-within, and reports \
what is left. A second signal stops it at once.";

const EXAMPLES: &str = "\
Examples:
  falco-client relay --from listen+http://0.0.0.0:2801 --to grpc
  falco-client relay --from unix:///run/falco/falco.sock \\
      --to http://falcosidekick:2801 \\
      --spool /var/spool/falco-client --metrics 127.0.0.1:9376
  falco | falco-client relay --from - --to /var/log/falco.jsonl grpc
  falco-client relay --config /etc/falco/relay.toml --check";

const MORE: &str = "Headers, certificates and more:\nfalco-client help relay";

pub fn help() -> String {
    format!("{SINKS}{KAFKA}\n\nSources: the endpoints of watch. {MORE}")
}

pub fn details() -> String {
    let sources = table(EndpointKind::ALL).replacen("Endpoints", "Sources", 1);
    format!("{sources}\n\n{SINKS}{KAFKA}\n\n{DETAILS}\n\n{EXAMPLES}")
}

/// Why it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Signal,
    Sources,
    Output,
}

pub fn run(args: &RelayArgs) -> Result<Code, Failure> {
    let plan = Plan::new(args)?;
    if args.check {
        return check::run(&plan, args.json);
    }
    if plan.writes_stdout() {
        require_stdout()?;
    }
    let relay = Arc::new(plan.builder().start()?);
    let ended = watch(&plan, &relay)?;
    for source in relay.status().sources {
        let again = repeats(&plan, &source.endpoint);
        match source.name == source.endpoint {
            true => say(format_args!("reading from {}{again}", source.name)),
            false => say(format_args!(
                "reading {} from {}{again}",
                source.name, source.endpoint
            )),
        }
    }
    for endpoint in relay.grpc_endpoints() {
        say(format_args!("serving Falco's gRPC API at {endpoint}"));
    }
    if let Some(address) = relay.metrics_address() {
        say(format_args!(
            "serving http://{address}/healthz, /livez and /metrics"
        ));
    }
    let end = wait(&relay, &ended);
    service_manager::stopping();
    Ok(stop(&plan, &relay, end))
}

/// What a source gives again that an earlier relay has delivered.
fn repeats(plan: &Plan, endpoint: &str) -> &'static str {
    let is_file = |endpoint| EndpointKind::of(&endpoint) == EndpointKind::File;
    match plan.spool.is_none() && endpoint.parse().is_ok_and(is_file) {
        true => {
            " from its start, also what was delivered before; with --spool DIR it is read on where \
             the last relay stopped"
        }
        false => "",
    }
}

/// Sends when the relay has to end. A second signal ends the process.
fn watch(plan: &Plan, relay: &Arc<Relay>) -> Result<Receiver<End>, Failure> {
    let (end, ended) = mpsc::channel();
    let send = |end: &Sender<End>, why| {
        let end = end.clone();
        move || {
            // Once nothing waits for it, it is ending.
            let _ = end.send(why);
        }
    };
    let signalled = send(&end, End::Signal);
    let (watched, rest) = (Arc::downgrade(relay), Rest::of(plan));
    signals::on_signal(move |count| {
        if count == 1 {
            return signalled();
        }
        if let Some(relay) = watched.upgrade() {
            rest.report(relay.status().spooled);
        }
        std::process::exit(Code::Interrupted.number().into());
    })?;
    if plan.writes_stdout() {
        on_closed_output(send(&end, End::Output))?;
    }
    let (running, over) = (relay.clone(), send(&end, End::Sources));
    let wait = move || {
        running.wait();
        over();
    };
    let thread = thread::Builder::new().name("sources".to_owned());
    thread.spawn(wait).map_err(|source| Failure::Os {
        what: "starting a thread that waits for the sources".to_owned(),
        source,
    })?;
    Ok(ended)
}

/// Waits for the end, and says meanwhile that the relay lives.
fn wait(relay: &Relay, ended: &Receiver<End>) -> End {
    service_manager::ready();
    let pause = service_manager::pause_between_signs();
    loop {
        let end = match pause {
            Some(pause) => ended.recv_timeout(pause),
            None => ended.recv().map_err(RecvTimeoutError::from),
        };
        match end {
            Ok(end) => return end,
            Err(RecvTimeoutError::Disconnected) => return End::Sources,
            Err(RecvTimeoutError::Timeout) => {
                // It hangs where the relay does, and systemd starts the relay again.
                let waiting = relay.status().spooled;
                service_manager::alive(&format!("{waiting} alerts wait"));
            }
        }
    }
}

fn stop(plan: &Plan, relay: &Relay, end: End) -> Code {
    let within = match end {
        // Nothing takes what is left.
        End::Output => Duration::ZERO,
        End::Signal | End::Sources => plan.close_within,
    };
    let spooled = relay.status().spooled;
    if spooled > 0 && !within.is_zero() {
        let seconds = within.as_secs();
        say(format_args!(
            "delivering the {spooled} alerts that are left, for at most {seconds} s; another signal \
             stops this at once"
        ));
    }
    let left = relay.stop(within);
    let status = relay.status();
    for sink in &status.sinks {
        let refused = match sink.refused {
            0 => String::new(),
            refused => format!(", {refused} refused"),
        };
        let filtered = match sink.filtered {
            0 => String::new(),
            filtered => format!(", {filtered} left out by its filter"),
        };
        say(format_args!(
            "to {}: {} delivered{refused}{filtered}",
            sink.name, sink.delivered
        ));
    }
    if status.dropped > 0 {
        let dropped = status.dropped;
        say(format_args!(
            "{dropped} alerts were dropped because the spool was full"
        ));
    }
    if status.given_up > 0 {
        let (given_up, logged) = (status.given_up, status.given_up_logged);
        let place = match (&plan.spool, logged) {
            (Some(folder), 0) => {
                format!("see falco-client dead-letters --spool {}", folder.display())
            }
            (Some(_), logged) => format!("{logged} of them are in the log above alone"),
            (None, _) => "they are in the log above".to_owned(),
        };
        say(format_args!("{given_up} alerts were given up: {place}"));
    }
    let empty = status
        .sources
        .iter()
        .filter(|source| source.brings_no_alerts());
    let mut none = status
        .sources
        .iter()
        .all(|source| source.counters.alerts == 0);
    none &= empty.clone().count() > 0;
    for source in empty {
        let count = source.since_alert;
        say(format_args!(
            "{count} messages came from {}, and the last ones were no alerts: set json_output: true in \
             falco.yaml",
            source.name
        ));
    }
    let rest = Rest::of(plan);
    rest.report(left);
    // Only standard input ends without a failure.
    let broken = end == End::Sources && plan.sources.iter().any(|source| source.endpoint != "-");
    match broken || left > 0 && rest == Rest::Lost {
        true => Code::Failed,
        false if none => Code::Undecodable,
        false => Code::Done,
    }
}

/// What becomes of the alerts that are not delivered when the relay ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Spooled,
    /// Every source still has them.
    Kept,
    Lost,
}

impl Rest {
    fn of(plan: &Plan) -> Rest {
        let mut kinds = plan.sources.iter().filter_map(PlannedSource::kind);
        // A log is told that an alert is read once it is in the spool.
        let is_kept = |kind: EndpointKind| kind.keeps_alerts() && !kind.is_log();
        match (&plan.spool, kinds.all(is_kept)) {
            (Some(_), _) => Rest::Spooled,
            (None, true) => Rest::Kept,
            (None, false) => Rest::Lost,
        }
    }

    fn report(self, left: u64) {
        if left == 0 {
            return;
        }
        say(format_args!(
            "{left} alerts {}",
            match self {
                Rest::Spooled => "are left in the spool and will be delivered at the next start",
                Rest::Kept => "were not delivered; they remain in the file",
                Rest::Lost => {
                    "were not delivered and are lost; with --spool DIR they would be kept"
                }
            }
        ));
    }
}
