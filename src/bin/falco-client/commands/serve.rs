//! `serve`: the embedded Falco alone, fed from recordings.

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

pub const SERVING: &str = "\
Alerts wait until a reader takes them, each is given once. Ctrl-C and SIGTERM end it in order and \
say how many alerts were taken and how many are left.

Examples:
  falco-client serve --listen unix:///tmp/falco.sock --replay alerts.pb
  falco-client serve --listen localhost:5060 \\
      --ca ca.crt --cert server.crt --key server.key \\
      --replay alerts.jsonl --rate 100 --loop";

#[derive(clap::Args)]
pub struct ServeArgs {
    /// Where to listen: unix:///path or host:port (port 0: any free one).
    #[arg(long, value_name = "ENDPOINT")]
    pub listen: String,
    /// Recordings to serve, in this order: *.pb (messages, each after its length), else Falco's
    /// own JSON lines.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub replay: Vec<PathBuf>,
    /// Alerts a second. Default: all at once.
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// Begin again after the last alert; needs --rate.
    #[arg(long = "loop", requires = "rate")]
    pub again: bool,
    /// Which Falco to be, from 0.18.0 on: it has the methods of that one, and its version.
    #[arg(long, value_name = "VERSION", default_value = "0.43.1")]
    pub falco: String,
    /// Threads that serve, as Falco's grpc.threadiness: each allows 10 streams. 0: one a CPU.
    #[arg(long, value_name = "N", default_value = "1")]
    pub threads: usize,
    /// The authority that signed the clients' certificates, PEM. A host:port needs all three.
    #[arg(long, value_name = "FILE", requires_all = ["cert", "key"])]
    pub ca: Option<PathBuf>,
    /// The server's certificate, PEM.
    #[arg(long, value_name = "FILE", requires_all = ["ca", "key"])]
    pub cert: Option<PathBuf>,
    /// The key of the server's certificate, PEM.
    #[arg(long, value_name = "FILE", requires_all = ["ca", "cert"])]
    pub key: Option<PathBuf>,
}

impl ServeArgs {
    fn tls(&self) -> Option<Tls> {
        certificates(&self.ca, &self.cert, &self.key)
    }
}

/// How long streams may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(1);

pub fn run(args: &ServeArgs) -> Result<Code, Failure> {
    // All are read before anything is served, so that a bad recording is known at once.
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
    let replay = match args.again {
        true => server.replay(alerts.into_iter().cycle(), args.rate)?,
        false => server.replay(alerts, args.rate)?,
    };
    let pace = match args.rate {
        Some(rate) => format!(", {rate} a second"),
        None => {
            // Who reads the line below may count on all of them.
            replay.wait();
            String::new()
        }
    };
    let again = if args.again { ", again and again" } else { "" };
    say(format_args!(
        "listening on {} with {count} alerts{pace}{again}",
        server.endpoint()
    ));
    let _ = stopped.recv();

    server.stop(GRACE);
    let (written, queued) = (server.written(), server.queued());
    say(format_args!(
        "stopped: {written} alerts were taken, {queued} were not"
    ));
    Ok(Code::Done)
}
