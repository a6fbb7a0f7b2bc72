//! `demo`: recorded alerts, read from the embedded Falco: a story on a terminal, JSON lines elsewhere.

mod next_steps;
mod story;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use falco_client::server::Server;
use falco_client::{recording, Alert, Client, Endpoint};
use tempfile::TempDir;

use crate::diagnostics::{say, Code, Failure};
use crate::output::Output;

/// From two runs of a real Falco.
pub const RECORDINGS: [&[u8]; 2] = [
    include_bytes!("../../../../../tests/recordings/replay_libs-sample.pb"),
    include_bytes!("../../../../../tests/recordings/replay_falco-cat_write.pb"),
];

pub fn run() -> Result<Code, Failure> {
    match io::stdout().is_terminal() {
        true => story::run(),
        false => print_lines(),
    }
}

fn print_lines() -> Result<Code, Failure> {
    let mut output = Output::open()?;
    let (alerts, took) = transfer()?;
    for alert in &alerts {
        let line = alert.go_json().write_to(&mut output);
        line.and_then(|()| output.write_all(b"\n"))
            .map_err(Failure::stdout)?;
    }
    output.show()?;
    let count = alerts.len();
    let speed = count as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE);
    say(format_args!(
        "read {count} alerts in {took:.1?} ({speed:.0} per second); to follow a real Falco: \
         {} watch --endpoint {}",
        this_command(),
        Endpoint::DEFAULT
    ));
    Ok(Code::Done)
}

/// Cleans up before anything is printed, so that a slow reader of the output neither changes the speed
/// nor leaves a folder behind.
fn transfer() -> Result<(Vec<Alert>, Duration), Failure> {
    let folder = temporary_folder()?;
    let server = Server::builder().listen(format!("unix://{}/falco.sock", folder.path().display()));
    let server = server.start()?;
    for bytes in RECORDINGS {
        for alert in recording::read_messages(bytes) {
            server.push_bytes(alert?);
        }
    }
    let client = Client::open(&server.endpoint().to_string())?;
    client.wait_connected(Duration::from_secs(10))?;
    let begin = Instant::now();
    let alerts = client.get()?.into_iter().collect::<Result<Vec<_>, _>>()?;
    let took = begin.elapsed();
    server.stop(Duration::from_secs(1));
    Ok((alerts, took))
}

/// A folder for the socket of an embedded Falco.
pub fn temporary_folder() -> Result<TempDir, Failure> {
    tempfile::tempdir().map_err(|source| Failure::Os {
        what: format!("creating a folder in {}", std::env::temp_dir().display()),
        source,
    })
}

/// As it was typed, so that it can be typed again, on the PATH or in a target folder.
fn this_command() -> String {
    let typed = std::env::args_os().next();
    typed.map_or_else(
        || "falco-client".into(),
        |typed| typed.to_string_lossy().into_owned(),
    )
}
