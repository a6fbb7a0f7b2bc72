//! `relay`: alerts move on, until a signal or the end of all sources.

pub mod args;

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use falco_client::relay::{Relay, RelayBuilder, Sink};
use falco_client::Config;

use crate::diagnostics::{say, Code, Failure};
use crate::endpoint::EndpointKind;
use crate::shutdown::{on_closed_output, signals};
use args::RelayArgs;

/// Why it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Signal,
    Sources,
    Output,
}

pub fn run(args: &RelayArgs) -> Result<Code, Failure> {
    let relay = Arc::new(set_up(args).start()?);
    let ended = watch(args, &relay)?;
    for source in relay.status().sources {
        say(format_args!("from {}", source.name));
    }
    for endpoint in relay.grpc_endpoints() {
        say(format_args!("Falco's gRPC API is served at {endpoint}"));
    }
    if let Some(address) = relay.metrics_address() {
        say(format_args!("http://{address}/healthz and /metrics"));
    }
    let end = ended.recv().unwrap_or(End::Sources);
    Ok(stop(args, &relay, end))
}

fn set_up(args: &RelayArgs) -> RelayBuilder {
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
        relay = relay.to(sink);
    }
    if let Some(folder) = &args.spool {
        relay = relay.spool(folder);
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
    relay
}

/// The sources, each with the options that it has a use for. An option that none has a use for goes to
/// all, so that it is refused and not ignored.
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

/// Tells when it shall end. A second signal ends the process.
fn watch(args: &RelayArgs, relay: &Arc<Relay>) -> Result<Receiver<End>, Failure> {
    let (end, ended) = mpsc::channel();
    let tell = |end: &Sender<End>, why| {
        let end = end.clone();
        move || {
            // It ends in any case once nobody waits to hear it.
            let _ = end.send(why);
        }
    };
    let signalled = tell(&end, End::Signal);
    let (watched, on_disk) = (Arc::downgrade(relay), args.spool.is_some());
    signals::on_signal(move |count| {
        if count == 1 {
            return signalled();
        }
        if let Some(relay) = watched.upgrade() {
            say_left(relay.status().spooled, on_disk);
        }
        std::process::exit(Code::Interrupted.number().into());
    })?;
    if args.to.iter().any(|sink| sink.to_string() == "-") {
        on_closed_output(tell(&end, End::Output))?;
    }
    let (running, over) = (relay.clone(), tell(&end, End::Sources));
    let wait = move || {
        running.wait();
        over();
    };
    let thread = thread::Builder::new().name("sources".to_owned());
    thread.spawn(wait).map_err(|source| Failure::Os {
        what: "a thread to wait for the sources".to_owned(),
        source,
    })?;
    Ok(ended)
}

fn stop(args: &RelayArgs, relay: &Relay, end: End) -> Code {
    let within = match end {
        // Nobody takes what is left.
        End::Output => Duration::ZERO,
        End::Signal | End::Sources => Duration::from_secs(args.close_within),
    };
    let spooled = relay.status().spooled;
    if spooled > 0 && !within.is_zero() {
        let seconds = within.as_secs();
        say(format_args!(
            "{spooled} alerts are still to be delivered, within {seconds} s; a signal ends it at once"
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
            "{dropped} alerts were dropped, as the spool was full"
        ));
    }
    let on_disk = args.spool.is_some();
    if left > 0 {
        say_left(left, on_disk);
    }
    // Only standard input ends without a failure.
    let broken = end == End::Sources && args.from.iter().any(|source| source != "-");
    match broken || left > 0 && !on_disk {
        true => Code::Failed,
        false => Code::Done,
    }
}

fn say_left(left: u64, on_disk: bool) {
    match on_disk {
        true => say(format_args!(
            "{left} alerts are left in the spool, and are delivered when it is started again"
        )),
        false => say(format_args!(
            "{left} alerts were not delivered and are lost; with --spool DIR they would wait there"
        )),
    }
}
