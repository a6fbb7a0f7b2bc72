//! The arguments of `check`.

use std::path::PathBuf;

use crate::args::{ConnectionArgs, ReadingArgs};

#[derive(clap::Args)]
pub struct CheckArgs {
    /// Falco's settings [default: /etc/falco/falco.yaml]
    ///
    /// Also the values.yaml of Falco's chart, or a ConfigMap. Unless an endpoint is given, it is that of
    /// the first output which is enabled: grpc.bind_address, http_output.url if it leads to this
    /// machine, file_output.filename, or - for program_output and stdout_output.
    #[arg(long, value_name = "FILE")]
    pub falco_yaml: Option<PathBuf>,
    /// As the last step, wait this long for an alert
    ///
    /// Every alert that arrives is printed: one, or as many as Falco holds. They are gone from Falco
    /// then. What is no alert does not count, nor the test alert of POST /test.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u32).range(1..))]
    pub first_alert: Option<u32>,
    /// Print the report as JSON
    ///
    /// Alerts come before it, each on a line of its own: {"alert": …}.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(flatten, next_help_heading = "Connection")]
    pub reading: ReadingArgs,
}
