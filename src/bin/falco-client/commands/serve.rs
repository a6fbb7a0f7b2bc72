//! `serve`: the embedded Falco, with recorded alerts.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use falco_client::recording;
use falco_client::server::Server;
use falco_client::Tls;

use crate::args::certificates;
use crate::diagnostics::{say, Code, Failure};
use crate::shutdown::signals;

pub const EXAMPLES: &str = "\
Examples:
  falco-client serve --listen unix:///tmp/falco.sock --replay alerts.pb
  falco-client serve --listen localhost:5060 \\
      --ca ca.crt --cert server.crt --key server.key \\
      --replay alerts.jsonl --rate 100 --loop";

const DETAILS: &str = "\
Alerts wait until a reader takes them, and each is given once. SIGINT and SIGTERM stop the server and \
report how many alerts were delivered and how many are left.";

pub fn details() -> String {
    format!("{DETAILS}\n\n{EXAMPLES}")
}

#[derive(clap::Args)]
pub struct ServeArgs {
    /// Where to listen: unix:///path or host:port
    ///
    /// Port 0 is any free port. A host:port needs --ca, --cert and --key.
    #[arg(long, value_name = "ENDPOINT")]
    listen: String,
    /// Recordings to serve, in this order
    ///
    /// *.pb holds messages, each after its length as a varint; any other file holds Falco's JSON lines.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    replay: Vec<PathBuf>,
    /// Alerts per second [default: all at once]
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    /// Start over after the last alert; needs --rate
    #[arg(long = "loop", requires = "rate")]
    is_loop: bool,
    /// Version to play, from 0.18.0
    ///
    /// The server reports it, and has its methods.
    #[arg(long, value_name = "VERSION", default_value = "0.43.1")]
    falco: String,
    /// Threads, 0 for one per CPU
    ///
    /// As grpc.threadiness. Each allows 10 streams.
    #[arg(long, value_name = "N", default_value = "1")]
    threads: usize,
    /// CA certificate to trust for clients (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["cert", "key"])]
    ca: Option<PathBuf>,
    /// Certificate to present (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["ca", "key"])]
    cert: Option<PathBuf>,
    /// Private key for --cert (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["ca", "cert"])]
    key: Option<PathBuf>,
}

impl ServeArgs {
    fn tls(&self) -> Option<Tls> {
        certificates(&self.ca, &self.cert, &self.key)
    }
}

/// How long streams may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(1);

pub fn run(args: &ServeArgs) -> Result<Code, Failure> {
    // All are read before anything is served, so that a bad recording is reported first.
    let mut alerts = Vec::new();
    for path in &args.replay {
        for alert in recording::read(path)? {
            alerts.push(alert?);
        }
    }
    let (stop, stopped) = mpsc::channel();
    signals::on_signal(move |_| {
        let _ = stop.send(());
    })?;
    let mut server = Server::builder()
        .listen(&args.listen)
        .falco(&args.falco)
        .threadiness(args.threads);
    if let Some(tls) = args.tls() {
        server = server.tls(tls);
    }
    let server = server.start()?;

    let count = alerts.len();
    let replay = match args.is_loop {
        true => server.replay(alerts.into_iter().cycle(), args.rate)?,
        false => server.replay(alerts, args.rate)?,
    };
    let pace = match args.rate {
        Some(rate) => format!(", {rate} per second"),
        None => {
            // The line below means that all of them are there.
            replay.wait();
            String::new()
        }
    };
    let again = if args.is_loop { ", in a loop" } else { "" };
    say(format_args!(
        "listening on {} with {count} alerts{pace}{again}",
        server.endpoint()
    ));
    let _ = stopped.recv();

    server.stop(GRACE);
    let (written, queued) = (server.written(), server.queued());
    say(format_args!(
        "stopped: {written} alerts delivered, {queued} left"
    ));
    Ok(Code::Done)
}
