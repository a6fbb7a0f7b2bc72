//! `relay`: forwards alerts until a signal or the end of all sources.

mod args;

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use falco_client::relay::{Relay, RelayBuilder, Sink};
use falco_client::{Config, EndpointKind};

use crate::args::table;
use crate::diagnostics::{say, Code, Failure};
use crate::output::require_stdout;
use crate::shutdown::{on_closed_output, signals};
pub use args::RelayArgs;

const SINKS: &str = "\
Sinks:
  grpc                      Falco's gRPC API at unix:///run/falco/falco.sock
  unix:///path, host:port   the same at another address
  http://…, https://…       each alert posted as http_output does
  /path, file:///path       JSON lines appended to a file
  -                         standard output";

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
  falco | falco-client relay --from - --to /var/log/falco.jsonl grpc";

pub fn help() -> String {
    format!("{SINKS}\n\nSources: the endpoints of watch. More: falco-client help relay")
}

pub fn details() -> String {
    let sources = table(EndpointKind::ALL).replacen("Endpoints", "Sources", 1);
    format!("{sources}\n\n{SINKS}\n\n{DETAILS}\n\n{EXAMPLES}")
}

/// Why it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Signal,
    Sources,
    Output,
}

pub fn run(args: &RelayArgs) -> Result<Code, Failure> {
    if writes_stdout(args) {
        require_stdout()?;
    }
    let relay = Arc::new(set_up(args)?.start()?);
    let ended = watch(args, &relay)?;
    for source in relay.status().sources {
        say(format_args!("reading from {}", source.name));
    }
    for endpoint in relay.grpc_endpoints() {
        say(format_args!("serving Falco's gRPC API at {endpoint}"));
    }
    if let Some(address) = relay.metrics_address() {
        say(format_args!(
            "serving http://{address}/healthz, /livez and /metrics"
        ));
    }
    let end = ended.recv().unwrap_or(End::Sources);
    Ok(stop(args, &relay, end))
}

fn writes_stdout(args: &RelayArgs) -> bool {
    args.to.iter().any(|sink| sink.to_string() == "-")
}

fn set_up(args: &RelayArgs) -> Result<RelayBuilder, Failure> {
    let headers = args.headers()?;
    let mut relay = Relay::builder().overflow(args.when_full.into());
    for config in configure_sources(args) {
        relay = relay.from(config);
    }
    for sink in &args.to {
        // What no sink has a use for goes to all, so that it is refused and not ignored.
        let may_fan_out = sink.may_fan_out() || !args.to.iter().any(Sink::may_fan_out);
        let mut sink = sink.clone().fan_out(args.fan_out && may_fan_out);
        let has_tls = sink.may_have_tls() || !args.to.iter().any(Sink::may_have_tls);
        if let Some(tls) = args.tls_of_sinks().filter(|_| has_tls) {
            sink = sink.tls(tls);
        }
        if sink.may_have_headers() || !args.to.iter().any(Sink::may_have_headers) {
            for (name, value) in &headers {
                sink = sink.header(name, value);
            }
        }
        relay = relay.to(sink);
    }
    if let Some(folder) = &args.spool {
        relay = relay.spool(folder);
    }
    for sink in &args.forget {
        relay = relay.forget(sink.clone());
    }
    if let Some(size) = args.spool_size {
        relay = relay.spool_bytes(size << 20);
    }
    if let Some(version) = &args.falco {
        relay = relay.falco(version);
    }
    if let Some(address) = &args.metrics {
        relay = relay.metrics(address);
    }
    for field in &args.metrics_field {
        relay = relay.metrics_field(field);
    }
    if !args.filter.is_empty() {
        let filter = args.filter.clone();
        relay = relay.filter(move |alert| filter.matches(alert));
    }
    Ok(relay)
}

/// The sources, each with the options that apply to it. An option that applies to none is given to all,
/// so that it is refused instead of ignored.
fn configure_sources(args: &RelayArgs) -> Vec<Config> {
    let kind = |source: &String| Some(EndpointKind::of(&source.parse().ok()?));
    let is_for = |source: &String, fits: fn(EndpointKind) -> bool| {
        let no_use = || !args.from.iter().filter_map(kind).any(fits);
        kind(source).is_some_and(fits) || no_use()
    };
    let configure = |source: &String| {
        let mut config = args.reading.apply(Config::new(source));
        let tls = args.tls_of_sources();
        if let Some(tls) = tls.filter(|_| is_for(source, EndpointKind::has_tls)) {
            config = config.tls(tls);
        }
        let is_named = is_for(source, |kind| kind == EndpointKind::Tcp);
        if let Some(name) = args.server_name.as_ref().filter(|_| is_named) {
            config = config.server_name(name);
        }
        let listens = is_for(source, EndpointKind::is_http);
        if let Some(most) = args.max_connections.filter(|_| listens) {
            config = config.max_connections(most);
        }
        config
    };
    args.from.iter().map(configure).collect()
}

/// Sends when the relay has to end. A second signal ends the process.
fn watch(args: &RelayArgs, relay: &Arc<Relay>) -> Result<Receiver<End>, Failure> {
    let (end, ended) = mpsc::channel();
    let send = |end: &Sender<End>, why| {
        let end = end.clone();
        move || {
            // Once nothing waits for it, it is ending.
            let _ = end.send(why);
        }
    };
    let signalled = send(&end, End::Signal);
    let (watched, rest) = (Arc::downgrade(relay), Rest::of(args));
    signals::on_signal(move |count| {
        if count == 1 {
            return signalled();
        }
        if let Some(relay) = watched.upgrade() {
            rest.report(relay.status().spooled);
        }
        std::process::exit(Code::Interrupted.number().into());
    })?;
    if writes_stdout(args) {
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

fn stop(args: &RelayArgs, relay: &Relay, end: End) -> Code {
    let within = match end {
        // Nothing takes what is left.
        End::Output => Duration::ZERO,
        End::Signal | End::Sources => Duration::from_secs(args.close_within),
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
        say(format_args!(
            "to {}: {} delivered{refused}",
            sink.name, sink.delivered
        ));
    }
    if status.dropped > 0 {
        let dropped = status.dropped;
        say(format_args!(
            "{dropped} alerts were dropped because the spool was full"
        ));
    }
    let rest = Rest::of(args);
    rest.report(left);
    // Only standard input ends without a failure.
    let broken = end == End::Sources && args.from.iter().any(|source| source != "-");
    match broken || left > 0 && rest == Rest::Lost {
        true => Code::Failed,
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
    fn of(args: &RelayArgs) -> Rest {
        let kind = |source: &String| Some(EndpointKind::of(&source.parse().ok()?));
        let mut kinds = args.from.iter().filter_map(kind);
        match (&args.spool, kinds.all(EndpointKind::keeps_alerts)) {
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
