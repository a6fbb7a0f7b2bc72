//! `watch`: alerts as they arrive.

use falco_client::EndpointKind;

use super::read::{self, ReadArgs, DETAILS};
use crate::args::{table, PortArgs};
use crate::diagnostics::{Code, Failure};

const EXAMPLES: &str = "\
Examples:
  falco-client watch --rule 'Terminal*' --min-priority notice
  falco-client watch --endpoint falco.example.com:5060 \\
      --ca ca.crt --cert client.crt --key client.key
  falco-client watch --endpoint listen+http://0.0.0.0:2801
  falco | falco-client watch --endpoint -";

pub fn help() -> String {
    let table = table(EndpointKind::ALL);
    format!("{table}\n\nMore: falco-client help watch")
}

pub fn details() -> String {
    let table = table(EndpointKind::ALL);
    format!("{DETAILS}\n\n{table}\n\n{EXAMPLES}")
}

#[derive(clap::Args)]
pub struct WatchArgs {
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten, next_help_heading = "Connection")]
    port: PortArgs,
}

pub fn run(args: &WatchArgs) -> Result<Code, Failure> {
    let mut config = args.read.connection.config();
    if let Some(port) = args.port.load()? {
        config = port.apply(config);
    }
    read::run(&args.read, config, |client| client.subscribe())
}
