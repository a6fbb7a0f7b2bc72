//! The command `falco-client`: Falco's alerts at a shell.

#![forbid(unsafe_code)]

mod args;
mod bench;
mod bench_args;
mod check;
mod closed;
mod demo;
mod diagnostics;
mod escape;
mod filter;
mod format;
mod generate;
mod interrupt;
#[allow(dead_code, reason = "the command needs a part of it")]
#[path = "../../util/lock.rs"]
mod lock;
mod output;
mod read;
mod relay;
mod relay_args;
mod serve;
mod signals;
mod text;
mod version;

use std::process::ExitCode;

use args::Command;
use read::Call;

fn main() -> ExitCode {
    let args = args::parse();
    diagnostics::show_log(args.verbose);
    let done = match args.command {
        Command::Get(args) => read::run(&args, Call::Get),
        Command::Watch(args) => read::run(&args, Call::Subscribe),
        Command::Relay(args) => relay::run(args),
        Command::Version(args) => version::run(&args),
        Command::Check(args) => check::run(args),
        Command::Bench(args) => bench::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Demo => demo::run(),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { folder } => generate::man(folder.as_deref()),
    };
    match done {
        Ok(code) => code.into(),
        Err(failure) => failure.report().into(),
    }
}
