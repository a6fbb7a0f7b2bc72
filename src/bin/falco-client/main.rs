//! The command `falco-client`: Falco's alerts at a shell.

#![forbid(unsafe_code)]

mod args;
mod cli;
mod commands;
mod diagnostics;
mod escape;
#[path = "../../util/hex.rs"]
mod hex;
#[allow(dead_code, reason = "the command needs a part of it")]
#[path = "../../util/lock.rs"]
mod lock;
mod output;
mod shutdown;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::parse();
    diagnostics::log::install(cli.verbose);
    match cli.command.run() {
        Ok(code) => code.into(),
        Err(failure) => failure.report().into(),
    }
}
