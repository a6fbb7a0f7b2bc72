//! `check`: why no alerts arrive.

mod args;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use falco_client::check::{Check, FalcoYaml, Report};
use falco_client::{Alert, Client, Config, Endpoint, EndpointKind};

use crate::args::table;
use crate::diagnostics::{report, say, Code, Failure};
use crate::escape::{Escaped, JsonEscaped};
use crate::output::{Output, Printer};
use crate::shutdown::{on_closed_output, Shutdown, CLOSE_WITHIN};
pub use args::CheckArgs;

const DETAILS: &str = "\
Checks each step from falco.yaml to the first alert, and stops at the first that fails. No alert is \
taken from Falco without --first-alert.

Exit codes: 0 if no step failed, also with warnings; else that of the step: 10 falco.yaml, \
11 endpoint, 12 config, 13 name, 14 socket, 15 tcp, 16 certificates, 17 tls, 18 alpn, 19 version, \
20 outputs, 21 first alert.";

const EXAMPLES: &str = "\
Examples:
  falco-client check
  falco-client check --first-alert 30
  falco-client check --endpoint falco.example.com:5060 \\
      --ca ca.crt --cert client.crt --key client.key --json | jq .failed";

pub fn help() -> String {
    let table = table(EndpointKind::ALL);
    format!("{table}\n\n{EXAMPLES}\n\nMore: falco-client help check")
}

pub fn details() -> String {
    let table = table(EndpointKind::ALL);
    format!("{DETAILS}\n\n{table}\n\n{EXAMPLES}")
}

pub fn run(mut args: CheckArgs) -> Result<Code, Failure> {
    let falco_yaml = match &args.falco_yaml {
        Some(path) => Some(FalcoYaml::read(path)),
        None => FalcoYaml::find(),
    };
    if let Some(falco_yaml) = falco_yaml
        .as_ref()
        .filter(|_| !args.connection.endpoint_is_given())
    {
        let endpoints = falco_yaml.endpoints();
        if let Some((taken, others)) = endpoints.split_first() {
            args.connection.suggest(taken);
            say_taken(falco_yaml, taken, others);
        }
    }
    let config = args.reading.apply(args.connection.config());
    let mut check = Check::new(config.clone());
    if let Some(falco_yaml) = falco_yaml {
        check = check.falco_yaml(falco_yaml);
    }
    let report = check.run()?;
    let mut printed = Printed {
        report,
        json: args.json,
        shown: 0,
        output: Output::open()?,
        terminal: std::io::stdout().is_terminal(),
    };
    let mut code = Code::Done;
    if let (Some(seconds), None) = (args.first_alert, printed.report.failed()) {
        code = printed.first_alert(config, Duration::from_secs(seconds.into()))?;
    }
    printed.finish()?;
    Ok(match printed.report.failed() {
        Some(broken) => Code::Broken(broken.step),
        None => code,
    })
}

fn say_taken(falco_yaml: &FalcoYaml, taken: &Endpoint, others: &[Endpoint]) {
    let path = falco_yaml.path().display();
    let others: Vec<_> = others.iter().map(Endpoint::to_string).collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("; other endpoints of it: {}", others.join(", ")),
    };
    say(format_args!(
        "no endpoint given, using that of {path}: {taken}{others}"
    ));
}

struct Printed {
    report: Report,
    json: bool,
    /// How much of the report's text is printed.
    shown: usize,
    output: Output,
    terminal: bool,
}

impl Printed {
    fn first_alert(&mut self, config: Config, within: Duration) -> Result<Code, Failure> {
        let printer = Printer::new(None, None, false)?;
        let client = Client::new(config)?;
        let kind = EndpointKind::of(client.endpoint());
        let shutdown = Shutdown::install(kind, CLOSE_WITHIN, self.output.printed())?;
        // Only now: a user who sees it may press Ctrl-C.
        if !self.json {
            self.show_text()?;
        }
        let alerts = client.subscribe()?;
        shutdown.control(alerts.handle());
        let closed = shutdown.clone();
        on_closed_output(move || closed.output_closed())?;

        let mut done = Ok(Code::Done);
        let (json, terminal, output) = (self.json, self.terminal, &mut self.output);
        self.report.first_alert(alerts, within, |next| {
            match next {
                Ok(alert) if json => keep(&mut done, print_json(&alert, terminal, output)),
                Ok(alert) => keep(&mut done, printer.print(&alert, output)),
                Err(error) => {
                    let code = report(&error);
                    if let Ok(done) = &mut done {
                        *done = code;
                    }
                }
            }
            output.alert_ends();
        });
        self.output.show()?;
        match shutdown.finish() {
            Code::Done => done,
            gave_up => done.and(Ok(gave_up)),
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        match self.json {
            true => {
                let report = serde_json::to_string(&self.report).map_err(|source| Failure::Os {
                    what: "making the report".to_owned(),
                    source: source.into(),
                })?;
                print_line(&report, self.terminal, &mut self.output)?;
            }
            false => self.show_text()?,
        }
        self.output.show()
    }

    /// Prints what was not shown yet.
    fn show_text(&mut self) -> Result<(), Failure> {
        let text = self.report.to_string();
        for line in text[self.shown..].lines() {
            writeln!(self.output, "{}", Escaped(line)).map_err(Failure::stdout)?;
        }
        self.shown = text.len();
        self.output.show()
    }
}

/// Keeps the first failure. All alerts are received regardless.
fn keep(done: &mut Result<Code, Failure>, printed: Result<(), Failure>) {
    if let (Ok(_), Err(failure)) = (&done, printed) {
        *done = Err(failure);
    }
}

fn print_json(alert: &Alert, terminal: bool, output: &mut Output) -> Result<(), Failure> {
    print_line(
        &format!("{{\"alert\":{}}}", alert.falco_json()),
        terminal,
        output,
    )
}

fn print_line(json: &str, terminal: bool, output: &mut Output) -> Result<(), Failure> {
    match terminal {
        true => writeln!(output, "{}", JsonEscaped(json)),
        false => writeln!(output, "{json}"),
    }
    .map_err(Failure::stdout)
}
