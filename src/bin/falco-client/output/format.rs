//! The formats that alerts are printed in.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::Path;

use clap::ValueEnum;
use falco_client::dynamic::Descriptor;
use falco_client::{Alert, Error};

use super::text::{self, Screen};
use crate::diagnostics::Failure;
use crate::escape::JsonEscaped;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum OutputFormat {
    /// For people: wrapped and in colour on a terminal, else one line
    Text,
    /// Falco's own JSON, as falcosidekick reads it
    Falco,
    /// JSON as Falco's Go client (client-go) prints it
    Go,
    /// Canonical JSON of the protobuf message
    Proto,
}

/// Prints alerts in one format.
pub struct Printer {
    form: Form,
    terminal: bool,
}

enum Form {
    Line,
    Screen(Screen),
    Falco,
    Go,
    Proto,
    Described(Descriptor),
}

impl Printer {
    /// Without a format: proto with a descriptor, text on a terminal, falco elsewhere. With `utc`, times
    /// are not shortened on a terminal.
    pub fn new(
        format: Option<OutputFormat>,
        descriptor: Option<&Path>,
        utc: bool,
    ) -> Result<Printer, Failure> {
        let terminal = std::io::stdout().is_terminal();
        let form = match (descriptor, format) {
            (Some(path), None | Some(OutputFormat::Proto)) => Form::Described(describe(path)?),
            (Some(_), Some(_)) => {
                return Err(Failure::Usage(
                    "--format: --proto is for the format proto only; omit one of the two"
                        .to_owned(),
                ))
            }
            (None, None) if !terminal => Form::Falco,
            (None, None | Some(OutputFormat::Text)) if terminal => Form::Screen(Screen::new(utc)),
            (None, None | Some(OutputFormat::Text)) => Form::Line,
            (None, Some(OutputFormat::Falco)) => Form::Falco,
            (None, Some(OutputFormat::Go)) => Form::Go,
            (None, Some(OutputFormat::Proto)) => Form::Proto,
        };
        Ok(Printer { form, terminal })
    }

    /// One alert, with the end of its line. An alert that the descriptor cannot decode is a failure of the
    /// library, with nothing written.
    pub fn print(&self, alert: &Alert, to: &mut impl Write) -> Result<(), Failure> {
        match &self.form {
            Form::Line => return text::write_line(alert, to).map_err(Failure::stdout),
            Form::Screen(screen) => return screen.write(alert, to).map_err(Failure::stdout),
            // JSON leaves characters as they are that a terminal takes for commands.
            _ if self.terminal => {
                let mut line = Vec::new();
                self.json(alert, &mut line)?;
                let line = String::from_utf8_lossy(&line);
                write!(to, "{}", JsonEscaped(&line)).map_err(Failure::stdout)?;
            }
            _ => self.json(alert, to)?,
        }
        to.write_all(b"\n").map_err(Failure::stdout)
    }

    fn json(&self, alert: &Alert, to: &mut impl Write) -> Result<(), Failure> {
        match &self.form {
            Form::Go => alert.go_json().write_to(to),
            Form::Proto => alert.proto_json().write_to(to),
            Form::Described(descriptor) => to.write_all(descriptor.json(alert)?.as_bytes()),
            Form::Falco | Form::Line | Form::Screen(_) => alert.falco_json().write_to(to),
        }
        .map_err(Failure::stdout)
    }
}

/// `.proto` text by its name; anything else is a `FileDescriptorSet`, as `protoc -o` writes it.
fn describe(path: &Path) -> Result<Descriptor, Failure> {
    if path
        .extension()
        .is_some_and(|extension| extension == "proto")
    {
        return describe_text(path);
    }
    let what = path.display().to_string();
    let bytes = read(path).map_err(|error| {
        let remedy = "give a file made with protoc -o, or *.proto";
        Failure::Usage(format!("{what}: cannot be read ({error}); {remedy}"))
    })?;
    Descriptor::from_set(&bytes).map_err(|mut error| {
        if let Error::Descriptor { what: name, .. } = &mut error {
            *name = what;
        }
        error.into()
    })
}

#[cfg(feature = "dynamic")]
fn describe_text(path: &Path) -> Result<Descriptor, Failure> {
    Ok(Descriptor::from_proto(path)?)
}

#[cfg(not(feature = "dynamic"))]
fn describe_text(path: &Path) -> Result<Descriptor, Failure> {
    Err(Failure::Usage(format!(
        "--proto: this falco-client was built without the feature dynamic, which reads {}; build it with \
         --features cli, or give a file made with protoc -o",
        path.display()
    )))
}

/// Beyond any real file, but not beyond what a device gives.
const LARGEST: u64 = 16 << 20;

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it has more than 16 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const HOSTILE: &str = "\u{9b}2J\u{7f}\u{202e}\u{2028}\u{e0041}\x1b[2J";

    fn printed(form: Form, terminal: bool, alert: &Alert) -> String {
        let mut line = Vec::new();
        let printer = Printer { form, terminal };
        printer.print(alert, &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[cfg(feature = "dynamic")]
    fn described() -> Form {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outputs.proto");
        let text = "syntax = \"proto3\"; package falco.outputs; \
                    message response { string rule = 4; string output = 5; }";
        std::fs::write(&path, text).unwrap();
        Form::Described(describe(&path).unwrap())
    }

    #[test]
    fn json_on_a_terminal_is_the_same_value_and_drives_nothing() {
        let alert = Alert::builder()
            .without_time()
            .rule(HOSTILE)
            .output(HOSTILE)
            .build();
        let forms: &[fn() -> Form] = &[
            || Form::Falco,
            || Form::Go,
            || Form::Proto,
            #[cfg(feature = "dynamic")]
            described,
        ];
        for form in forms {
            let shown = printed(form(), true, &alert);
            let line = shown.strip_suffix('\n').unwrap();
            assert!(
                line.is_ascii() && !line.contains(char::is_control),
                "{line}"
            );
            let json: Value = serde_json::from_str(line).unwrap();
            assert_eq!(json["output"], HOSTILE);
            let piped = printed(form(), false, &alert);
            assert!(
                piped.contains('\u{9b}') && piped.contains('\u{e0041}'),
                "{piped}"
            );
        }
    }

    #[test]
    fn falcos_own_line_is_changed_on_a_terminal_only() {
        let line = "{\"rule\":\"R\",\t\"priority\":\"Notice\",\"output\":\"\u{9b}2J\",\
                    \"time\":\"1970-01-01T00:00:00.000000000Z\"}";
        let alert = Alert::builder()
            .without_time()
            .rule("R")
            .priority(falco_client::Priority::Notice);
        let alert = alert.output(line).build();
        assert_eq!(printed(Form::Falco, false, &alert), format!("{line}\n"));
        let safe = line.replace('\t', " ").replace('\u{9b}', r"\u009b");
        assert_eq!(printed(Form::Falco, true, &alert), format!("{safe}\n"));
    }
}
