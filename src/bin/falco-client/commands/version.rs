//! `version`: which Falco it is.

use std::io::{IsTerminal as _, Write as _};

use falco_client::Client;
use serde_json::json;

use crate::args::ConnectionArgs;
use crate::diagnostics::{Code, Failure};
use crate::escape::{Escaped, JsonEscaped};
use crate::output::Output;

#[derive(clap::Args)]
pub struct VersionArgs {
    /// Print all that Falco says of its version, as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

pub fn run(args: &VersionArgs) -> Result<Code, Failure> {
    let falco = Client::new(args.connection.config())?.version()?;
    let text = if args.json {
        // Falcos before 0.37 know a part of these.
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
            // Until 0.26 nothing is said of the engine.
            ("", 0) => String::new(),
            // Until 0.36 the engine had a single number, and it came in this field.
            ("", number) => format!(", engine {number}"),
            (version, _) => format!(", engine {}", Escaped(version)),
        };
        format!("Falco {}{engine}", Escaped(&falco.version))
    };
    let mut output = Output::new();
    writeln!(output, "{text}").map_err(Failure::stdout)?;
    output.show()?;
    Ok(Code::Done)
}
