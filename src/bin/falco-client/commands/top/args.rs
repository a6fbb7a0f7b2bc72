//! The arguments of `top`.

use std::num::NonZeroU16;
use std::path::PathBuf;

use crate::args::{ConnectionArgs, Filter, PortArgs, ReadingArgs};
use crate::shutdown::CLOSE_WITHIN;

#[derive(clap::Args)]
pub struct TopArgs {
    /// How far back to count
    #[arg(long, value_name = "MINUTES", default_value = "15")]
    pub minutes: NonZeroU16,
    /// Append the alerts to this file, as JSON lines
    ///
    /// All of them, also those that a filter rejects.
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
    /// Time limit for graceful shutdown
    ///
    /// Within it, alerts in flight are read.
    #[arg(long, hide_short_help = true, value_name = "SECS", default_value_t = CLOSE_WITHIN.as_secs())]
    pub close_within: u64,
    #[command(flatten)]
    pub filter: Filter,
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(flatten, next_help_heading = "Connection")]
    pub reading: ReadingArgs,
    #[command(flatten, next_help_heading = "Connection")]
    pub port: PortArgs,
}
