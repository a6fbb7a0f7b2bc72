//! `version`: which Falco it is.

use std::io::{IsTerminal as _, Write as _};

use falco_client::Client;
use serde_json::json;

use crate::args::{table, ConnectionArgs, GRPC};
use crate::diagnostics::{Code, Failure};
use crate::escape::{Escaped, JsonEscaped};
use crate::output::Output;

#[derive(clap::Args)]
pub struct VersionArgs {
    /// Print the version and that of the engine as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

pub fn help() -> String {
    table(GRPC)
}

pub fn run(args: &VersionArgs) -> Result<Code, Failure> {
    let remedy = "only the gRPC API reports a version, run `falco --version`";
    let served = GRPC;
    args.connection.require(served, "version", remedy)?;
    let mut output = Output::open()?;
    let falco = Client::new(args.connection.config())?.version()?;
    let text = if args.json {
        // Falco before 0.37 fills in a part of these.
        let json = json!({
            "version": falco.version,
            "major": falco.major,
            "minor": falco.minor,
            "patch": falco.patch,
            "prerelease": falco.prerelease,
            "build": falco.build,
            "engine_version": falco.engine_version,
            "engine_major": falco.engine_major,
            "engine_minor": falco.engine_minor,
            "engine_patch": falco.engine_patch,
            "engine_fields_checksum": falco.engine_fields_checksum,
        })
        .to_string();
        match std::io::stdout().is_terminal() {
            true => JsonEscaped(&json).to_string(),
            false => json,
        }
    } else {
        let engine = match (falco.engine_version.as_str(), falco.engine_minor) {
            // Falco before 0.27 does not report its engine.
            ("", 0) => String::new(),
            // Falco before 0.37 has a single number for it, in this field.
            ("", number) => format!(", engine {number}"),
            (version, _) => format!(", engine {}", Escaped(version)),
        };
        format!("Falco {}{engine}", Escaped(&falco.version))
    };
    writeln!(output, "{text}").map_err(Failure::stdout)?;
    output.show()?;
    Ok(Code::Done)
}
