//! What the command says on standard error, and the code that it exits with.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use falco_client::check::Step;
use falco_client::Error;
use log::{LevelFilter, Log, Metadata, Record};

use crate::escape::Escaped;

/// How the command ends. `args.rs` documents them for users.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    Done,
    Failed,
    /// As clap exits when it does not understand an argument.
    Usage,
    Undecodable,
    /// What `check` found broken.
    Broken(Step),
    /// As a shell names a process that Ctrl-C has ended.
    Interrupted,
}

impl Code {
    pub fn number(self) -> u8 {
        match self {
            Code::Done => 0,
            Code::Failed => 1,
            Code::Usage => 2,
            Code::Undecodable => 3,
            Code::Interrupted => 130,
            Code::Broken(step) => match step {
                Step::FalcoYaml => 10,
                Step::Endpoint => 11,
                Step::Config => 12,
                Step::Name => 13,
                Step::Socket => 14,
                Step::Tcp => 15,
                Step::Certificates => 16,
                Step::Tls => 17,
                Step::Alpn => 18,
                Step::Version => 19,
                Step::Outputs => 20,
                Step::FirstAlert => 21,
                _ => 1,
            },
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code.number())
    }
}

/// Why the command cannot go on.
#[derive(Debug)]
pub enum Failure {
    Library(Error),
    /// Standard output was closed by its reader, who has seen enough.
    Closed,
    /// Something that the operating system refused.
    Os {
        what: String,
        source: io::Error,
    },
}

impl Failure {
    pub fn stdout(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Os {
                what: "standard output".to_owned(),
                source: error,
            },
        }
    }

    /// Says what failed.
    pub fn report(&self) -> Code {
        match self {
            Failure::Library(error) => report(error),
            Failure::Closed => Code::Done,
            Failure::Os { what, source } => {
                say(format_args!("{what}: {source}"));
                Code::Failed
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}

/// Says an error with its causes, and the bytes of an alert that nobody else has any more.
pub fn report(error: &Error) -> Code {
    say(format_args!("{error}"));
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors repeat their cause in their own text.
        if !said.contains(&text) {
            say(format_args!("because: {text}"));
        }
        said = text;
        cause = error.source();
    }
    match error {
        Error::Undecodable { bytes, .. } => report_bytes(bytes),
        // Its text stands above, whole unless it is long.
        Error::Line { line, .. } if line.len() > 200 => report_bytes(line),
        Error::Line { .. } => Code::Undecodable,
        Error::Endpoint { .. }
        | Error::Config { .. }
        | Error::Tls { .. }
        | Error::Descriptor { .. }
        | Error::Recording { .. }
        | Error::Spool { .. } => Code::Usage,
        _ => Code::Failed,
    }
}

/// Says an alert that could not be printed.
pub fn report_bytes(bytes: &[u8]) -> Code {
    say(format_args!("its bytes in hex: {}", Hex(bytes)));
    Code::Undecodable
}

/// One line on standard error. A standard error that nobody reads must not end the command.
pub fn say(text: fmt::Arguments) {
    let text = text.to_string();
    let _ = writeln!(io::stderr().lock(), "falco-client: {}", Escaped(&text));
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows what the library tells of a subscription that is interrupted and goes on; `verbose` all that
/// it and C-core tell.
pub fn show_log(verbose: bool) {
    let log = match verbose {
        true => &StderrLog { verbose: true },
        false => &StderrLog { verbose: false },
    };
    if log::set_logger(log).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

struct StderrLog {
    verbose: bool,
}

impl Log for StderrLog {
    fn enabled(&self, metadata: &Metadata) -> bool {
        self.verbose || metadata.target().starts_with("falco_client")
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if !self.verbose {
            return say(*record.args());
        }
        let level = record.level().as_str().to_lowercase();
        say(format_args!(
            "{level}: {}: {}",
            record.target(),
            record.args()
        ));
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_gives_every_byte_two_digits() {
        assert_eq!(Hex(&[0, 10, 255]).to_string(), "000aff");
    }

    #[test]
    fn a_wrong_argument_and_a_failure_exit_differently() {
        let usage = Error::Endpoint {
            endpoint: String::new(),
            problem: String::new(),
        };
        assert_eq!(Failure::from(usage).report(), Code::Usage);
        let failed = Error::Unavailable {
            endpoint: String::new(),
            problem: String::new(),
            source: None,
        };
        assert_eq!(Failure::from(failed).report(), Code::Failed);
        let closed = Failure::stdout(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.report(), Code::Done);
        let full = Failure::stdout(io::ErrorKind::StorageFull.into());
        assert_eq!(full.report(), Code::Failed);
    }
}
