//! The arguments of `get` and `watch`.

use std::path::PathBuf;

use crate::args::{ConnectionArgs, Filter, ReadingArgs, Start, WhenFull};
use crate::output::OutputFormat;
use crate::shutdown::CLOSE_WITHIN;

pub const DETAILS: &str = "\
Falco gives each alert once, to one reader; only a file or a log keeps what was read. Alerts that a filter \
rejects are gone from Falco too. Different filter options must all match; of an option that is \
repeated, any value.

SIGINT, SIGTERM and SIGHUP shut the command down gracefully: it requests no more alerts and prints \
those in flight. If that takes longer than --close-within, because alerts keep arriving or the output \
is not read, it exits with code 1. A second signal stops it at once; what was received by then is \
printed if it is read within 5 seconds. Standard error says how many alerts may have been lost. \
Nothing is lost from a file or a log.

Exit codes: see falco-client --help.";

#[derive(clap::Args)]
pub struct ReadArgs {
    /// Output format [default: text on a terminal, else falco]
    ///
    /// On a terminal, characters that could control it are escaped in every format. Text is wrapped there;
    /// …+N stands for N characters that have no room, and fields that the heading shows or that have no
    /// value (<NA>) are left out. The other formats show everything.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<OutputFormat>,
    /// Show whole times in UTC on a terminal, too
    #[arg(long, hide_short_help = true)]
    pub utc: bool,
    /// Descriptor to decode with (--format proto)
    ///
    /// Shows the fields of a Falco that is newer than this client.
    #[cfg_attr(
        feature = "dynamic",
        doc = "A *.proto file, or a FileDescriptorSet as protoc -o writes it."
    )]
    #[cfg_attr(
        not(feature = "dynamic"),
        doc = "A FileDescriptorSet as protoc -o writes it."
    )]
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub proto: Option<PathBuf>,
    /// Where to begin in a file [default: beginning]
    ///
    /// With --resume, this is where the first run begins.
    #[arg(long, hide_short_help = true, value_enum, value_name = "PLACE")]
    pub start: Option<Start>,
    /// Go on where the last run stopped in a file
    ///
    /// FILE keeps how far the endpoint file:///path was read, also across its rotation. It is written
    /// once a second; after a crash, alerts since then are printed again. Each reader needs a FILE of
    /// its own.
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Exit after printing N alerts
    ///
    /// Alerts that were received or in flight by then are lost, over gRPC up to a few hundred
    /// kilobytes of them; standard error says so. Nothing is lost from a file or a log.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// At the end, count the alerts by rule and place
    ///
    /// A table on standard error, after the alerts on standard output: how often each rule fired, and how
    /// many alerts each priority, host, container and namespace has. > /dev/null shows it alone.
    #[arg(long)]
    pub summary: bool,
    /// Policy when alerts arrive too fast
    ///
    /// It applies while 4 MiB of alerts are waiting to be printed.
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = WhenFull::Wait)]
    pub when_full: WhenFull,
    /// Time limit for graceful shutdown
    ///
    /// Within it, alerts in flight are printed.
    #[arg(long, value_name = "SECS", default_value_t = CLOSE_WITHIN.as_secs())]
    pub close_within: u64,
    #[command(flatten)]
    pub filter: Filter,
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(flatten, next_help_heading = "Connection")]
    pub reading: ReadingArgs,
}
