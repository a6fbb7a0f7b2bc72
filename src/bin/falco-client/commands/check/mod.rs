//! `check`: why no alert comes.

pub mod args;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use falco_client::check::{Check, FalcoYaml, Report};
use falco_client::{Alert, Client, Config};

use crate::diagnostics::{report, say, Code, Failure};
use crate::escape::{Escaped, JsonEscaped};
use crate::output::{Output, Printer};
use crate::shutdown::{on_closed_output, Interrupt, BOUND};
use args::CheckArgs;

pub fn run(mut args: CheckArgs) -> Result<Code, Failure> {
    let falco_yaml = match &args.falco_yaml {
        Some(path) => Some(FalcoYaml::read(path)),
        None => FalcoYaml::find(),
    };
    if let Some(falco_yaml) = &falco_yaml {
        let endpoint = falco_yaml.endpoint();
        if endpoint.is_some_and(|endpoint| args.connection.suggest(&endpoint)) {
            let path = falco_yaml.path().display();
            say(format_args!(
                "no endpoint was given, so that of {path} is taken"
            ));
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
        output: Output::new(),
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
        let printer = Printer::new(None, None)?;
        let client = Client::new(config)?;
        let interrupt = Interrupt::catch(BOUND, self.output.shown())?;
        // Who sees it and presses Ctrl-C must be heard already.
        if !self.json {
            self.show_text()?;
        }
        let alerts = client.subscribe()?;
        interrupt.ends(alerts.handle());
        let closed = interrupt.clone();
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
        match interrupt.all_is_printed() {
            Code::Done => done,
            gave_up => done.and(Ok(gave_up)),
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        match self.json {
            true => {
                let report = serde_json::to_string(&self.report)
                    .map_err(|error| Failure::stdout(error.into()))?;
                print_line(&report, self.terminal, &mut self.output)?;
            }
            false => self.show_text()?,
        }
        self.output.show()
    }

    /// What was not shown yet.
    fn show_text(&mut self) -> Result<(), Failure> {
        let text = self.report.to_string();
        for line in text[self.shown..].lines() {
            writeln!(self.output, "{}", Escaped(line)).map_err(Failure::stdout)?;
        }
        self.shown = text.len();
        self.output.show()
    }
}

/// The first failure stays; all alerts are received all the same.
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
