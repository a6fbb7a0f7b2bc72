//! The forms that alerts are printed in.

use std::io::{IsTerminal as _, Write};
use std::path::Path;

use clap::ValueEnum;
use falco_client::dynamic::Descriptor;
use falco_client::{Alert, Error, Result};

use crate::diagnostics::Failure;
use crate::text;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// One line to read, in colour on a terminal
    Text,
    /// Falco's own JSON, as falcosidekick reads it
    Falco,
    /// JSON as Falco's Go client prints it
    Go,
    /// The canonical JSON of the protobuf message
    Proto,
}

/// Prints alerts in one form.
pub enum Printer {
    Text { coloured: bool },
    Falco,
    Go,
    Proto,
    Described(Descriptor),
}

impl Printer {
    /// Without a format: proto with a descriptor, text on a terminal, falco elsewhere.
    pub fn new(format: Option<Format>, descriptor: Option<&Path>) -> Result<Printer> {
        if let Some(path) = descriptor {
            return match format {
                None | Some(Format::Proto) => Ok(Printer::Described(describe(path)?)),
                Some(_) => Err(Error::Config {
                    option: "--format",
                    problem: "--proto prints the form proto only; leave out one of the two".into(),
                }),
            };
        }
        let terminal = std::io::stdout().is_terminal();
        let default = if terminal {
            Format::Text
        } else {
            Format::Falco
        };
        Ok(match format.unwrap_or(default) {
            Format::Text => Printer::Text {
                coloured: terminal && colour_is_welcome(),
            },
            Format::Falco => Printer::Falco,
            Format::Go => Printer::Go,
            Format::Proto => Printer::Proto,
        })
    }

    /// One alert, one line. An alert that the descriptor cannot decode is a failure of the
    /// library, with nothing written.
    pub fn print(&self, alert: &Alert, to: &mut impl Write) -> Result<(), Failure> {
        match self {
            Printer::Text { coloured } => text::write(alert, *coloured, to),
            Printer::Falco => alert.falco().write_to(to),
            Printer::Go => alert.go().write_to(to),
            Printer::Proto => alert.proto().write_to(to),
            Printer::Described(descriptor) => to.write_all(descriptor.json(alert)?.as_bytes()),
        }
        .and_then(|()| to.write_all(b"\n"))
        .map_err(Failure::stdout)
    }
}

/// `.proto` text by its name; anything else is a `FileDescriptorSet`, as `protoc -o` writes it.
fn describe(path: &Path) -> Result<Descriptor> {
    if path
        .extension()
        .is_some_and(|extension| extension == "proto")
    {
        return Descriptor::from_proto(path);
    }
    let what = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| Error::Descriptor {
        what: what.clone(),
        problem: format!("cannot be read ({error}); give a file made with protoc -o, or *.proto"),
        source: Some(error.into()),
    })?;
    Descriptor::from_set(&bytes).map_err(|error| match error {
        Error::Descriptor {
            problem, source, ..
        } => Error::Descriptor {
            what,
            problem,
            source,
        },
        other => other,
    })
}

fn colour_is_welcome() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
