//! The arguments of `bench`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::args::{ConnectionArgs, ReadingArgs};
use crate::shutdown::CLOSE_WITHIN;

#[derive(clap::Args)]
pub struct BenchArgs {
    /// How long to watch
    #[arg(long, value_name = "SECS", default_value = "10")]
    pub seconds: NonZeroU32,
    /// Backlog of the built-in Falco
    #[arg(long, value_name = "N", default_value = "200000")]
    pub backlog: u32,
    /// Alerts per second from it after that
    ///
    /// At random intervals (a Poisson process).
    #[arg(long, value_name = "N", default_value = "100")]
    pub rate: NonZeroU32,
    /// Append the alerts to this file, as JSON lines
    #[arg(long, value_name = "FILE", conflicts_with = "discard")]
    pub keep: Option<PathBuf>,
    /// Discard the alerts, which are gone from Falco too
    #[arg(long)]
    pub discard: bool,
    /// Time limit for graceful shutdown
    ///
    /// Within it, alerts in flight are read.
    #[arg(long, value_name = "SECS", default_value_t = CLOSE_WITHIN.as_secs())]
    pub close_within: u64,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(flatten, next_help_heading = "Connection")]
    pub reading: ReadingArgs,
}
