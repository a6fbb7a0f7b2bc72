//! `get`: the alerts that Falco holds now.

use falco_client::EndpointKind;

use super::read::{self, ReadArgs, DETAILS};
use crate::args::table;
use crate::diagnostics::{Code, Failure};

const SERVED: &[EndpointKind] = &[
    EndpointKind::Unix,
    EndpointKind::Tcp,
    EndpointKind::File,
    EndpointKind::Stdin,
    EndpointKind::Redis,
];

const EXAMPLES: &str = "\
Examples:
  falco-client get --limit 10 | jq .
  falco-client get --min-priority warning --format falco > alerts.jsonl";

pub fn help() -> String {
    let table = table(SERVED);
    format!("{table}\n\nMore: falco-client help get")
}

pub fn details() -> String {
    let table = table(SERVED);
    format!("{DETAILS}\n\n{table}\n\n{EXAMPLES}")
}

pub fn run(args: &ReadArgs) -> Result<Code, Failure> {
    let remedy = "Falco holds no alerts that it posts, use watch";
    args.connection.require(SERVED, "get", remedy)?;
    read::run(args, args.connection.config(), |client| client.get())
}
