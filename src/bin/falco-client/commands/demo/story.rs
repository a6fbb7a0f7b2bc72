//! What a person sees of the demo: an intrusion, alert by alert, and what to do next.

use std::io::{self, Write as _};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use falco_client::server::Server;
use falco_client::{Alert, Client};
use jiff::Timestamp;

use super::next_steps;
use crate::diagnostics::{Code, Failure};
use crate::escape::JsonEscaped;
use crate::output::{colour_is_welcome, columns, message, Output, Screen, Style, Wrapped};
use crate::shutdown::signals;

/// The alerts of rules that come with Falco; the priorities of two are raised, as none of them has
/// Alert or Emergency.
const INTRUSION: &str = include_str!("../../../../../tests/recordings/intrusion.jsonl");

/// Those that are shown as JSON, too.
const AS_JSON: [&str; 3] = [
    "Terminal shell in container",
    "Read sensitive file untrusted",
    "Detect crypto miners using the Stratum protocol",
];

/// From one alert to the next.
const PAUSE: Duration = Duration::from_millis(450);

/// Only waited out on a machine that is stuck.
const LONGEST: Duration = Duration::from_secs(30);

pub fn run() -> Result<Code, Failure> {
    let (stop, stopped) = mpsc::channel();
    signals::on_signal(move |_| {
        let _nothing_waits = stop.send(());
    })?;
    let mut output = Output::open()?;
    heading(
        "An intrusion, as the embedded Falco reports it. No Falco is needed; Ctrl-C ends it.",
        &mut output,
    )?;
    let Some(alerts) = watch(&mut output, &stopped)? else {
        return Ok(Code::Done);
    };

    output.write_all(b"\n").map_err(Failure::stdout)?;
    let text = "Three of them as JSON, as Falco's Go client prints it (watch --format go):";
    heading(text, &mut output)?;
    let as_json = |alert: &&Alert| AS_JSON.contains(&alert.rule());
    for alert in alerts.iter().filter(as_json) {
        let json = alert.go_json().to_string();
        writeln!(output, "{}", JsonEscaped(&json)).map_err(Failure::stdout)?;
    }
    output.write_all(b"\n").map_err(Failure::stdout)?;
    output.show()?;

    let next = next_steps::find_here();
    heading(&next.found, &mut output)?;
    for (command, why) in &next.commands {
        writeln!(output, "  {command}").map_err(Failure::stdout)?;
        paragraph(why, 6, &mut output).map_err(Failure::stdout)?;
    }
    output.show()?;
    Ok(Code::Done)
}

fn heading(text: &str, output: &mut Output) -> Result<(), Failure> {
    paragraph(text, 0, output)
        .and_then(|()| output.write_all(b"\n"))
        .map_err(Failure::stdout)
}

fn paragraph(text: &str, indent: usize, output: &mut Output) -> io::Result<()> {
    let mut lines = Wrapped::new(output, colour_is_welcome(), columns(), indent);
    lines.raw(&" ".repeat(indent), Style::Plain)?;
    for word in text.split(' ') {
        lines.word(word, Style::Faint)?;
    }
    lines.end()
}

/// Shows the alerts one by one. None where a signal ends it.
fn watch(output: &mut Output, stopped: &mpsc::Receiver<()>) -> Result<Option<Vec<Alert>>, Failure> {
    let folder = super::temporary_folder()?;
    let server = Server::builder().listen(format!("unix://{}/falco.sock", folder.path().display()));
    let server = server.start()?;
    let client = Client::open(&server.endpoint().to_string())?;
    let mut alerts = client.subscribe()?;
    let screen = Screen::new(false);
    let mut shown = Vec::new();
    for line in INTRUSION.lines() {
        server.push(as_now(&Alert::from_json(line)?));
        let Ok(alert) = alerts.recv_timeout(LONGEST) else {
            return Err(Failure::Os {
                what: server.endpoint().to_string(),
                source: io::ErrorKind::TimedOut.into(),
            });
        };
        let alert = alert?;
        screen.write(&alert, output).map_err(Failure::stdout)?;
        output.show()?;
        shown.push(alert);
        if stopped.recv_timeout(PAUSE).is_ok() {
            return Ok(None);
        }
    }
    drop(alerts);
    server.stop(Duration::from_secs(1));
    Ok(Some(shown))
}

/// The alert as Falco sends it at this moment.
fn as_now(alert: &Alert) -> Alert {
    let time = SystemTime::now();
    let clock = Timestamp::try_from(time).map(|time| time.strftime("%H:%M:%S.%9f").to_string());
    let text = message::without_prefix(alert.output(), alert.priority());
    let output = match clock {
        // Falco's own alerts have no prefix.
        Ok(clock) if text != alert.output() => format!("{clock}: {} {text}", alert.priority()),
        _ => alert.output().to_owned(),
    };
    let mut now = Alert::builder()
        .time(time)
        .priority(alert.priority())
        .rule(alert.rule())
        .output(output)
        .hostname(alert.hostname())
        .source(alert.source());
    for (name, value) in alert.fields().filter(|(name, _)| *name != "evt.time") {
        now = now.field(name, value);
    }
    for tag in alert.tags() {
        now = now.tag(tag);
    }
    now.build()
}

#[cfg(test)]
mod tests {
    use falco_client::Priority;

    use super::*;

    fn alerts() -> Vec<Alert> {
        let lines = INTRUSION.lines();
        lines.map(|line| Alert::from_json(line).unwrap()).collect()
    }

    #[test]
    fn every_priority_occurs() {
        for priority in Priority::ALL {
            assert!(
                alerts().iter().any(|alert| alert.priority() == priority),
                "{priority}"
            );
        }
        for rule in AS_JSON {
            assert_eq!(
                alerts().iter().filter(|alert| alert.rule() == rule).count(),
                1
            );
        }
    }

    #[test]
    fn an_alert_happens_now_and_is_otherwise_the_same() {
        for alert in alerts() {
            let now = as_now(&alert);
            assert!(now.seconds() > alert.seconds() || now.seconds() > 1_700_000_000);
            let text = |alert: &Alert| {
                message::without_prefix(alert.output(), alert.priority()).to_owned()
            };
            assert_eq!(text(&now), text(&alert));
            assert!(!now.output().starts_with('{'));
            assert_eq!(now.field("container.name"), alert.field("container.name"));
            assert_eq!(now.tags().len(), alert.tags().len());
        }
    }
}
