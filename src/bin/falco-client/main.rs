//! The command `falco-client`: Falco's alerts at a shell.

#![forbid(unsafe_code)]

mod args;
mod cli;
mod commands;
mod counts;
mod diagnostics;
mod environment;
mod escape;
#[path = "../../util/hex.rs"]
mod hex;
#[allow(dead_code, reason = "the command needs a part of it")]
#[path = "../../util/lock.rs"]
mod lock;
mod open_files;
mod output;
#[allow(dead_code, reason = "the command needs a part of it")]
#[path = "../../util/rate_limited_log.rs"]
mod rate_limited_log;
#[cfg(feature = "cli")]
mod service_manager;
mod shutdown;
#[path = "../../util/text.rs"]
mod text;

use std::process::ExitCode;

use clap::CommandFactory as _;

fn main() -> ExitCode {
    let cli = cli::parse();
    diagnostics::log::install(cli.verbose);
    open_files::raise_limit();
    match cli.command.run(cli::Cli::command()) {
        Ok(code) => code.into(),
        Err(failure) => failure.report().into(),
    }
}
