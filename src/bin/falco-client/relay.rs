//! `relay`: alerts move on, until a signal or the end of all sources.

use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

use falco_client::relay::Relay;
use falco_client::Config;

use crate::closed::on_closed_output;
use crate::diagnostics::{say, Code, Failure};
use crate::relay_args::RelayArgs;
use crate::signals;

/// Why it ends.
enum End {
    Signal,
    Sources,
    Output,
}

pub fn run(args: RelayArgs) -> Result<Code, Failure> {
    let mut builder = Relay::builder().overflow(args.when_full.into());
    for source in &args.from {
        let mut config = Config::new(source).max_connections(args.max_connections);
        // The certificates are meant for the sources that they fit.
        if !["unix:", "listen+http:", "file:"]
            .iter()
            .any(|scheme| source.starts_with(scheme))
            && source != "-"
        {
            if let Some(tls) = args.tls_of_sources() {
                config = config.tls(tls);
            }
            if let (Some(name), false) = (&args.server_name, source.starts_with("listen")) {
                config = config.server_name(name);
            }
        }
        builder = builder.from(config);
    }
    let to_stdout = args.to.iter().any(|sink| sink.to_string() == "-");
    for sink in &args.to {
        let mut sink = sink.clone().fan_out(args.fan_out);
        if let Some(tls) = args.tls_of_sinks().filter(|_| sink.may_have_tls()) {
            sink = sink.tls(tls);
        }
        builder = builder.to(sink);
    }
    if let Some(folder) = &args.spool {
        builder = builder.spool(folder);
    }
    if let Some(size) = args.spool_size {
        builder = builder.spool_bytes(size << 20);
    }
    if let Some(version) = &args.falco {
        builder = builder.falco(version);
    }
    if let Some(address) = &args.metrics {
        builder = builder.metrics(address);
    }

    let (end, ended) = mpsc::channel();
    let relay = Arc::new(builder.start()?);
    let (on_signal, watched) = (end.clone(), Arc::downgrade(&relay));
    let on_disk = args.spool.is_some();
    signals::on_signal(move |count| {
        if count == 1 {
            let _ = on_signal.send(End::Signal);
            return;
        }
        if let Some(relay) = watched.upgrade() {
            say_left(relay.standing().spooled, on_disk);
        }
        std::process::exit(Code::Interrupted.number().into());
    })?;
    if to_stdout {
        let closed = end.clone();
        on_closed_output(move || {
            let _ = closed.send(End::Output);
        })?;
    }
    for source in relay.standing().sources {
        say(format_args!("from {}", source.name));
    }
    for endpoint in relay.grpc_endpoints() {
        say(format_args!("Falco's gRPC API is served at {endpoint}"));
    }
    if let Some(address) = relay.metrics_address() {
        say(format_args!("http://{address}/healthz and /metrics"));
    }
    let waiting = relay.clone();
    let wait = move || {
        waiting.wait();
        let _ = end.send(End::Sources);
    };
    let thread = thread::Builder::new().name("sources".to_owned());
    thread.spawn(wait).map_err(|source| Failure::Os {
        what: "a thread to wait for the sources".to_owned(),
        source,
    })?;

    let why = ended.recv().unwrap_or(End::Sources);
    let within = match why {
        End::Output => Duration::ZERO,
        End::Signal | End::Sources => Duration::from_secs(args.close_within),
    };
    let spooled = relay.standing().spooled;
    if spooled > 0 && !within.is_zero() {
        let seconds = within.as_secs();
        say(format_args!(
            "{spooled} alerts are still to be delivered, within {seconds} s; a signal ends it at once"
        ));
    }
    let left = relay.stop(within);
    let standing = relay.standing();
    for sink in &standing.sinks {
        let refused = match sink.refused {
            0 => String::new(),
            refused => format!(", {refused} refused"),
        };
        say(format_args!(
            "to {}: {} delivered{refused}",
            sink.name, sink.delivered
        ));
    }
    if standing.dropped > 0 {
        say(format_args!(
            "{} alerts were dropped, as the spool was full",
            standing.dropped
        ));
    }
    Ok(match (left, on_disk) {
        (0, _) => Code::Done,
        (left, on_disk) => {
            say_left(left, on_disk);
            if on_disk {
                Code::Done
            } else {
                Code::Failed
            }
        }
    })
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
