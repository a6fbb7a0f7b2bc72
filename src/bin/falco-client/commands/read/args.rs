//! The arguments of `get` and `watch`.

use std::path::PathBuf;

use crate::args::{ConnectionArgs, Filter, ReadingArgs, WhenFull};
use crate::output::Format;
use crate::shutdown::CLOSE_WITHIN;

pub const DETAILS: &str = "\
Falco gives each alert once, to one reader; only a file keeps what was read. Alerts that a filter \
rejects are gone from Falco, too. Filters of different names must all match; of one that is given \
several times, any.

SIGINT, SIGTERM and SIGHUP end the command in order: it asks for no more alerts and prints those in \
flight. If that takes longer than --close-within, because alerts keep coming or nothing reads the \
output, it exits with code 1. A second signal ends it at once; what was received by then is printed \
if it is read within 5 seconds. Standard error says how many alerts either may have lost. Nothing of \
a file is lost.

Exit codes: see falco-client --help.";

#[derive(clap::Args)]
pub struct ReadArgs {
    /// Output format [default: text on a terminal, else falco]
    ///
    /// On a terminal, characters that could control it are escaped in every format.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Descriptor to decode with (--format proto)
    ///
    /// Shows the fields of a Falco that is newer than this client. A *.proto file, or a
    /// FileDescriptorSet as protoc -o writes it.
    #[arg(long, value_name = "FILE")]
    pub proto: Option<PathBuf>,
    /// Exit after N alerts were printed
    ///
    /// Alerts that were received or in flight by then are lost, over gRPC up to a few hundred
    /// kilobytes of them; standard error says so. Nothing of a file is lost.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// When alerts arrive too fast
    ///
    /// That is when 4 MiB of them wait to be printed.
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = WhenFull::Wait)]
    pub when_full: WhenFull,
    /// Time limit for a clean exit
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
