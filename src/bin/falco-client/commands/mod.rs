//! The subcommands: one file or folder each, with the arguments that only it has.

mod bench;
mod check;
mod demo;
mod generate;
mod read;
mod relay;
mod serve;
mod version;

use std::path::PathBuf;

use clap::Subcommand;
use clap_complete::Shell;

use crate::diagnostics::{Code, Failure};
use read::Call;

#[derive(Subcommand)]
pub enum Command {
    /// Print the alerts that Falco holds now, then end
    #[command(after_help = read::args::READING)]
    Get(read::args::ReadArgs),
    /// Print alerts as they happen, through restarts of Falco, until Ctrl-C
    #[command(after_help = read::args::READING)]
    Watch(read::args::ReadArgs),
    /// Move alerts on: to Falco's gRPC API, to HTTP, to files
    #[command(after_help = relay::args::RELAYING)]
    Relay(relay::args::RelayArgs),
    /// Find out why no alert comes: each step of its way, and the remedy
    #[command(after_help = check::args::CHECKING)]
    Check(check::args::CheckArgs),
    /// Print which version Falco is
    Version(version::VersionArgs),
    /// Serve recorded alerts as a Falco does, for tests and trials
    #[command(after_help = serve::SERVING)]
    Serve(serve::ServeArgs),
    /// Measure how fast alerts can be read, and how late they come
    #[command(after_help = bench::args::MEASURING)]
    Bench(bench::args::BenchArgs),
    /// Show recorded alerts arriving from a Falco that is built in
    Demo,
    /// Print a completion script for a shell
    Completions { shell: Shell },
    /// Print the manual page, or write one for each subcommand into a folder
    Man { folder: Option<PathBuf> },
}

impl Command {
    pub fn run(self) -> Result<Code, Failure> {
        match self {
            Command::Get(args) => read::run(&args, Call::Get),
            Command::Watch(args) => read::run(&args, Call::Subscribe),
            Command::Relay(args) => relay::run(&args),
            Command::Check(args) => check::run(args),
            Command::Version(args) => version::run(&args),
            Command::Serve(args) => serve::run(&args),
            Command::Bench(args) => bench::run(&args),
            Command::Demo => demo::run(),
            Command::Completions { shell } => generate::completions(shell),
            Command::Man { folder } => generate::man(folder.as_deref()),
        }
    }
}
