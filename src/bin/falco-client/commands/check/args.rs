//! The command line of `check`.

use std::path::PathBuf;

use crate::args::{ConnectionArgs, ReadingArgs};

pub const CHECKING: &str = "\
Walks the way that an alert takes, and stops where it is broken. No alert is taken away from Falco, \
unless --first-alert is given: then every alert that came is printed, one or as many as Falco held, \
and gone from Falco. With --json they stand as {\"alert\": …} in lines of their own before the report.

Exit codes: 0 where all is well, also with warnings; each step has its own, see falco-client --help.

Examples:
  falco-client check
  falco-client check --first-alert 30
  falco-client check --endpoint falco.example.com:5060 \\
      --ca ca.crt --cert client.crt --key client.key --json | jq .failed";

#[derive(clap::Args)]
pub struct CheckArgs {
    /// The settings of this Falco. Default: /etc/falco/falco.yaml, if it is there. Its
    /// grpc.bind_address is the endpoint where none is given.
    #[arg(long, value_name = "FILE")]
    pub falco_yaml: Option<PathBuf>,
    /// Wait so long for a first alert, as the last step.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub first_alert: Option<u32>,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}
