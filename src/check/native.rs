//! Endpoints that Falco sends to or writes: whether alerts can come in there.

use std::fs;
use std::io;

use super::{Finding, Step};
use crate::client::Client;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// Takes nothing that is on its way: a port is listened on for a moment, and no connection taken.
pub(super) fn look(
    config: &Config,
    endpoint: &Endpoint,
    found: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let finding = match endpoint {
        Endpoint::Listen { .. } => {
            Client::new(config.clone()).map_err(|error| match &error {
                Error::Tls { .. } => Finding::failed(Step::Certificates, &error),
                _ => Finding::failed(Step::Tcp, &error),
            })?;
            let text =
                format!("{endpoint} can be listened on; Falco's http_output.url has to lead there");
            Finding::ok(Step::Tcp, text)
        }
        Endpoint::File(path) => match fs::File::open(path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => {
                let text = format!("the file is there, with {} bytes", metadata.len());
                Finding::ok(Step::Outputs, text)
            }
            Ok(_) => {
                let remedy = "give the file of file_output.filename, or - for a pipe";
                return Err(Finding::failed(Step::Outputs, ("it is no file", remedy)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Finding::warning(
                Step::Outputs,
                (
                    "the file is not there yet",
                    "Falco makes it with its first alert, where file_output.enabled is true",
                ),
            ),
            Err(error) => {
                let problem = format!("the file cannot be read: {error}");
                return Err(Finding::failed(
                    Step::Outputs,
                    (problem, "allow this user to"),
                ));
            }
        },
        Endpoint::Stdin => Finding::ok(Step::Outputs, "standard input is read as it comes"),
        // Checked by the calls.
        Endpoint::Unix(_) | Endpoint::Tcp { .. } => return Ok(()),
    };
    found.push(finding);
    Ok(())
}
