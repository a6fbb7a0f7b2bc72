//! `watch`: alerts as they arrive.

use falco_client::EndpointKind;

use super::read::{self, ReadArgs, DETAILS};
use crate::args::table;
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

pub fn run(args: &ReadArgs) -> Result<Code, Failure> {
    read::run(args, |client| client.subscribe())
}
