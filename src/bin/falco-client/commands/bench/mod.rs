//! `bench`: how fast alerts can be read, and how late they arrive.

mod args;
mod built_in;
mod figures;
mod measure;
mod progress;

use std::io::Write as _;
use std::time::Duration;

use falco_client::{Client, EndpointKind};

use crate::args::table;
use crate::commands::keep::Keep;
use crate::diagnostics::{say_listening, Code, Failure};
use crate::output::Output;
pub use args::BenchArgs;
use built_in::BuiltIn;
use figures::Figures;
use measure::Measurement;

const DETAILS: &str = "\
Without --endpoint, a built-in Falco serves recorded alerts. It runs in this process, so the CPU \
times include it. With --endpoint, the alerts of that Falco are read. Unless it is a file or a log, nothing \
keeps them: choose --keep or --discard.

Two things are measured: reading the alerts that Falco holds, over gRPC or in a file, and watching \
for --seconds. Latency is from an alert's own time to its arrival here, for alerts that happened \
while watching. It includes the time that Falco took and the difference of the two clocks.

SIGINT and SIGTERM stop the measurement gracefully and print the figures so far.";

const EXAMPLES: &str = "\
Examples:
  falco-client bench --rate 5000 --json | jq .watch.latency_ms
  falco-client bench --endpoint unix:///run/falco/falco.sock \\
      --seconds 60 --keep alerts.jsonl";

pub fn help() -> String {
    let table = table(EndpointKind::ALL);
    format!("{table}\n\n{EXAMPLES}\n\nMore: falco-client help bench")
}

pub fn details() -> String {
    let table = table(EndpointKind::ALL);
    format!("{DETAILS}\n\n{table}\n\n{EXAMPLES}")
}

pub fn run(args: &BenchArgs) -> Result<Code, Failure> {
    let own = args.connection.endpoint_is_given();
    let is_kept = args
        .connection
        .kind()
        .is_some_and(EndpointKind::keeps_alerts);
    if own && !is_kept && args.keep.is_none() && !args.discard {
        return Err(Failure::Usage(
            "alerts that are read are gone from Falco: keep them with --keep FILE, or discard them with \
             --discard; or omit --endpoint and FALCO_ENDPOINT to measure a built-in Falco"
                .to_owned(),
        ));
    }
    let mut output = Output::open()?;
    let keep = args.keep.as_deref().map(Keep::open).transpose()?;
    let built_in = match own {
        true => None,
        false => Some(BuiltIn::start(args.backlog)?),
    };
    let config = match &built_in {
        Some(falco) => falco.config(),
        None => args.reading.apply(args.connection.config()),
    };
    let client = Client::new(config)?;
    let kind = EndpointKind::of(client.endpoint());
    let limit = Duration::from_secs(args.close_within);
    let mut measurement = Measurement::new(kind, limit, keep)?;
    say_listening(&client);

    // Where Falco posts, nothing waits; and after the end of standard input, nothing comes.
    let backlog = match kind.is_grpc() || kind == EndpointKind::File {
        true => Some(measurement.backlog(client.get()?)?),
        false => None,
    };
    if measurement.code() == Code::Failed {
        return Ok(Code::Failed);
    }
    let time = Duration::from_secs(args.seconds.get().into());
    let emit = || {
        if let Some(falco) = &built_in {
            falco.emit(args.rate, time);
        }
    };
    let watch = measurement.watch(client.subscribe()?, time, emit)?;
    let figures = Figures {
        endpoint: own.then(|| client.endpoint().to_string()),
        backlog,
        watch,
    };
    let code = measurement.finish();
    let written = match args.json {
        true => writeln!(output, "{}", figures.to_json()),
        false => write!(output, "{figures}"),
    };
    written.map_err(Failure::stdout)?;
    output.show()?;
    Ok(code)
}
