//! `serve`: the embedded Falco alone, fed from recordings.

use std::sync::mpsc;
use std::time::Duration;

use falco_client::recording;
use falco_client::server::Server;

use crate::args::ServeArgs;
use crate::diagnostics::{say, Code, Failure};
use crate::signals;

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
