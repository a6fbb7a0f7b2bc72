//! The commands: one file or folder each, with the arguments that only it has.

mod bench;
mod check;
#[cfg(feature = "cli")]
mod dead_letters;
mod demo;
#[cfg(feature = "cli")]
mod generate;
mod get;
mod keep;
mod read;
#[cfg(feature = "cli")]
mod relay;
mod serve;
#[cfg(feature = "top")]
mod top;
mod version;
mod watch;

use clap::Subcommand;

use crate::diagnostics::{Code, Failure};
use crate::environment::explained;

/// The commands that this build lacks, each with the feature that has it.
pub const LACKING: &[(&str, &str)] = &[
    #[cfg(not(feature = "cli"))]
    ("relay", "cli"),
    #[cfg(not(feature = "cli"))]
    ("dead-letters", "cli"),
    #[cfg(not(feature = "cli"))]
    ("completions", "cli"),
    #[cfg(not(feature = "cli"))]
    ("man", "cli"),
    #[cfg(not(feature = "top"))]
    ("top", "top"),
];

#[derive(Subcommand)]
pub enum Command {
    /// Print the alerts that Falco holds now, then exit
    #[command(after_help = get::help(), after_long_help = explained(get::details()))]
    Get(read::ReadArgs),
    /// Print alerts as they arrive, across restarts of Falco
    #[command(after_help = watch::help(), after_long_help = explained(watch::details()))]
    Watch(watch::WatchArgs),
    /// Show which rules fire now, and how often
    #[cfg(feature = "top")]
    #[command(after_help = top::help(), after_long_help = explained(top::details()))]
    Top(Box<top::TopArgs>),
    /// Forward alerts to gRPC clients, HTTP servers and files
    #[cfg(feature = "cli")]
    #[command(after_help = relay::help(), after_long_help = explained(relay::details()))]
    Relay(Box<relay::RelayArgs>),
    /// Print or re-send the alerts that sinks of a relay refused
    #[cfg(feature = "cli")]
    #[command(after_help = dead_letters::help(), after_long_help = dead_letters::details())]
    DeadLetters(dead_letters::DeadLettersArgs),
    /// Find out why no alerts arrive, and what to do about it
    #[command(after_help = check::help(), after_long_help = explained(check::details()))]
    Check(check::CheckArgs),
    /// Print the version of Falco
    #[command(after_help = version::help())]
    Version(version::VersionArgs),
    /// Serve recorded alerts as Falco does, for tests
    #[command(after_help = serve::EXAMPLES, after_long_help = explained(serve::details()))]
    Serve(serve::ServeArgs),
    /// Measure read throughput and alert latency
    #[command(after_help = bench::help(), after_long_help = explained(bench::details()))]
    Bench(bench::BenchArgs),
    /// Read recorded alerts from a built-in Falco
    Demo,
    /// Print a completion script for a shell
    #[cfg(feature = "cli")]
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    #[cfg(feature = "cli")]
    Man {
        /// Write a page for each command into this directory instead
        folder: Option<std::path::PathBuf>,
    },
}

impl Command {
    /// Runs it. `cli` is the command line that it is of.
    pub fn run(self, cli: clap::Command) -> Result<Code, Failure> {
        #[cfg(not(feature = "cli"))]
        drop(cli);
        match self {
            Command::Get(args) => get::run(&args),
            Command::Watch(args) => watch::run(&args),
            #[cfg(feature = "top")]
            Command::Top(args) => top::run(*args),
            #[cfg(feature = "cli")]
            Command::Relay(args) => relay::run(&args),
            #[cfg(feature = "cli")]
            Command::DeadLetters(args) => dead_letters::run(&args),
            Command::Check(args) => check::run(args),
            Command::Version(args) => version::run(&args),
            Command::Serve(args) => serve::run(&args),
            Command::Bench(args) => bench::run(&args),
            Command::Demo => demo::run(),
            #[cfg(feature = "cli")]
            Command::Completions { shell } => generate::completions(cli, shell),
            #[cfg(feature = "cli")]
            Command::Man { folder } => generate::man(cli, folder.as_deref()),
        }
    }
}
