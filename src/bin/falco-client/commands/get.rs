//! `get`: the alerts that Falco holds now.

use falco_client::EndpointKind;

use super::read::{self, ReadArgs, DETAILS};
use crate::args::table;
use crate::diagnostics::{Code, Failure};

/// All that this program reads, but where Falco posts alerts.
fn served() -> Vec<EndpointKind> {
    let kinds = EndpointKind::ALL.iter().copied();
    kinds.filter(|kind| !kind.is_http()).collect()
}

const EXAMPLES: &str = "\
Examples:
  falco-client get --limit 10 | jq .
  falco-client get --min-priority warning --format falco > alerts.jsonl";

pub fn help() -> String {
    let table = table(&served());
    format!("{table}\n\nMore: falco-client help get")
}

pub fn details() -> String {
    let table = table(&served());
    format!("{DETAILS}\n\n{table}\n\n{EXAMPLES}")
}

pub fn run(args: &ReadArgs) -> Result<Code, Failure> {
    let remedy = "Falco holds no alerts that it posts, use watch";
    args.connection.require(&served(), "get", remedy)?;
    read::run(args, args.connection.config(), |client| client.get())
}
