//! What the command says on standard error, and the code that it exits with.

mod exit_code;
#[cfg(feature = "top")]
pub mod held;
mod input;
pub mod log;

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write as _};

use falco_client::{Client, EndpointKind, Error, Format};

use crate::escape::Escaped;
use crate::hex::Hex;
pub use exit_code::Code;
pub use input::InputErrors;

/// Why the command cannot go on.
#[derive(Debug)]
pub enum Failure {
    Library(Error),
    /// The reader of standard output has closed it.
    Closed,
    /// The arguments do not go together.
    Usage(String),
    /// The operating system refused something.
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
            Failure::Usage(problem) => {
                say(format_args!("{problem}"));
                Code::Usage
            }
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

/// Says an error with its causes, and the first bytes of an alert that nothing else has.
pub fn report(error: &Error) -> Code {
    let mut said = text(error);
    say(format_args!("{said}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors repeat their cause in their own text.
        if !said.contains(&text) {
            say(format_args!("caused by: {text}"));
        }
        said = text;
        cause = error.source();
    }
    match error {
        Error::Undecodable { bytes, format, .. } => {
            match format {
                // The error's text has its start.
                Format::JsonLine => {}
                _ => say(format_args!("{}", input::HexStart(bytes))),
            }
            Code::Undecodable
        }
        Error::Endpoint { .. }
        | Error::Config { .. }
        | Error::Tls { .. }
        | Error::Descriptor { .. }
        | Error::Recording { .. }
        | Error::Spool { .. }
        | Error::Position { .. } => Code::Usage,
        _ => Code::Failed,
    }
}

/// The error in the words of the command line, where the library has its own.
fn text(error: &Error) -> String {
    match error {
        Error::Config { option, .. } => {
            // What the library names like the option of the command, but for its spelling.
            let kebab = option.replace('_', "-");
            match *option {
                "tls" | "relay" => error.to_string(),
                "token" => error.to_string().replacen(option, "--token-file", 1),
                "header" => error.to_string().replacen(option, "--to-header", 1),
                // They have no option, only a key in the file of `--config`.
                "batching" => error.to_string().replacen(option, "batch", 1),
                "bearer_token_file" | "gzip" => error.to_string(),
                "threadiness" => error.to_string().replacen(option, "--threads", 1),
                _ => error.to_string().replacen(option, &format!("--{kebab}"), 1),
            }
        }
        Error::TooLarge {
            endpoint,
            size,
            limit,
            ..
        } => {
            let keeps_alerts = endpoint
                .parse()
                .is_ok_and(|endpoint| EndpointKind::of(&endpoint).keeps_alerts());
            let of = |count: &Option<u64>| {
                count.map_or(String::new(), |count| format!(" of {count} bytes"))
            };
            format!(
                "{endpoint}: an alert{} exceeds the limit{} and {}; raise it with --max-message-bytes",
                of(size),
                of(limit),
                match keeps_alerts {
                    true => "is skipped",
                    false => "is lost",
                }
            )
        }
        _ => error.to_string(),
    }
}

/// Says all bytes of an alert that could not be kept.
pub fn report_bytes(bytes: &[u8]) {
    say(format_args!("its bytes in hex: {}", Hex(bytes)));
}

/// Writes one line to standard error. That nothing reads it must not end the command.
pub fn say(text: fmt::Arguments) {
    let text = text.to_string();
    let text = format!("falco-client: {}", Escaped(&text));
    #[cfg(feature = "top")]
    if held::takes(&text) {
        return;
    }
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says where a client listens, with the real port.
pub fn say_listening(client: &Client) {
    let endpoint = client.endpoint();
    if EndpointKind::of(endpoint).is_http() {
        say(format_args!(
            "listening at {endpoint} for Falco's http_output"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_argument_and_a_failure_exit_differently() {
        let usage = Client::open("falco").err().unwrap();
        assert_eq!(Failure::from(usage).report(), Code::Usage);
        let absent = Client::open("unix:///nonexistent/falco.sock").unwrap();
        let failed = absent.version().unwrap_err();
        assert_eq!(Failure::from(failed).report(), Code::Failed);
        let closed = Failure::stdout(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.report(), Code::Done);
        let full = Failure::stdout(io::ErrorKind::StorageFull.into());
        assert_eq!(full.report(), Code::Failed);
    }
}
