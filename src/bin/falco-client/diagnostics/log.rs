//! Writes what is logged to standard error.

use std::io::{self, IsTerminal as _};

use log::{LevelFilter, Log, Metadata, Record};

use super::say;

/// Shows what the library logs, as of a subscription that was interrupted; with `verbose` also what
/// gRPC's C-core logs.
pub fn install(verbose: bool) {
    let log = match verbose {
        true => &StderrLog { verbose: true },
        false => &StderrLog { verbose: false },
    };
    if log::set_logger(log).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// Whether to say also what is as it should be: to a user at a terminal, and with `verbose`.
pub fn explains() -> bool {
    io::stderr().is_terminal() || log::log_enabled!(target: "verbose", log::Level::Info)
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
