//! The command line of `get` and `watch`.

use std::path::PathBuf;

use crate::args::{ConnectionArgs, Filter, ReadingArgs, WhenFull};
use crate::output::Format;
use crate::shutdown::BOUND;

pub const READING: &str = "\
Falco gives an alert once, to one reader. Alerts that a filter holds back are gone from Falco \
without a word. Those on their way when --limit is reached are gone too, a few hundred kilobytes \
of them where many were waiting; standard error says so.

Filters of different names must all hold; of one filter given several times, any.

Ctrl-C, SIGTERM and SIGHUP ask for no more alerts, print those on their way, and end. Where alerts \
keep coming, or nobody reads them, that ends after --close-within, with exit code 1. A second \
signal ends at once: what was received by then is printed if it is read within 5 seconds. \
Standard error says how many alerts either may have cost.

Exit codes: see falco-client --help.";

#[derive(clap::Args)]
pub struct ReadArgs {
    /// How to print an alert. Default: text on a terminal, falco elsewhere. On a terminal, what
    /// could drive it is escaped in every form.
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<Format>,
    /// Print the form proto with the names of this descriptor, so that the fields of a newer
    /// Falco show: *.proto text, or a FileDescriptorSet as protoc -o writes it.
    #[arg(long, value_name = "FILE")]
    pub proto: Option<PathBuf>,
    /// End after so many alerts were printed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// What happens when alerts come faster than they are read here. While the queue of 4 MiB is
    /// full: wait, so that they stay in Falco; or drop some, and say how many.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = WhenFull::Wait)]
    pub when_full: WhenFull,
    /// Give up an orderly end after so many seconds, and say how many alerts that may cost.
    #[arg(long, value_name = "SECONDS", default_value_t = BOUND.as_secs())]
    pub close_within: u64,
    #[command(flatten)]
    pub filter: Filter,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}
