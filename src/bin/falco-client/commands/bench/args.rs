//! The command line of `bench`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::args::{ConnectionArgs, ReadingArgs};
use crate::shutdown::BOUND;

pub const MEASURING: &str = "\
Without --endpoint, a Falco that is built in serves recorded alerts; it runs in this process, and its \
CPU is in the figures. With it, the alerts of that Falco are read, and Falco gives an alert once: say \
with --keep where they shall go, or with --discard that they may be lost.

Latency is from the time that an alert tells to its arrival here, of those that happened while it \
watched. It has what Falco itself took, and the difference of the two clocks. Ctrl-C ends it in order and reports what came.

Examples:
  falco-client bench
  falco-client bench --rate 5000 --json | jq .watch.latency_ms
  falco-client bench --endpoint unix:///run/falco/falco.sock --seconds 60 --keep alerts.jsonl";

#[derive(clap::Args)]
pub struct BenchArgs {
    /// How long to watch.
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub seconds: NonZeroU32,
    /// How many alerts the Falco that is built in holds at first.
    #[arg(long, value_name = "N", default_value = "200000")]
    pub backlog: u32,
    /// How many it has a second after that, at irregular times.
    #[arg(long, value_name = "N", default_value = "100")]
    pub rate: NonZeroU32,
    /// Append the alerts that are read to this file, as Falco's own JSON lines.
    #[arg(long, value_name = "FILE", conflicts_with = "discard")]
    pub keep: Option<PathBuf>,
    /// Lose the alerts that are read: Falco forgets them, too.
    #[arg(long)]
    pub discard: bool,
    /// Give up an orderly end after so many seconds, and say what that may cost.
    #[arg(long, value_name = "SECONDS", default_value_t = BOUND.as_secs())]
    pub close_within: u64,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}
