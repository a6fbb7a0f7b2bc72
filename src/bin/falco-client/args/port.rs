//! Options of a port where alerts are posted.

use std::fs;
use std::path::PathBuf;

use falco_client::Config;

use crate::diagnostics::Failure;

#[derive(clap::Args)]
pub struct PortArgs {
    /// File with a token that posts must have
    ///
    /// For listen+http and listen+https. A sender has it in its address, as Falco in
    /// "http_output.url: http://falco:TOKEN@host:2801/", or sends "Authorization: Bearer TOKEN".
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Origin header that posts may have
    ///
    /// For listen+http and listen+https. Browsers send it for web pages, whose requests are refused.
    #[arg(long, hide_short_help = true, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
}

/// The options that were given.
pub struct PortOptions {
    token: Option<String>,
    origins: Vec<String>,
}

impl PortArgs {
    /// Reads the token, if one is to be read.
    pub fn load(&self) -> Result<Option<PortOptions>, Failure> {
        let failed = |source, path: &PathBuf| Failure::Os {
            what: format!("--token-file {}", path.display()),
            source,
        };
        let read = |path: &PathBuf| -> Result<String, Failure> {
            let text = fs::read_to_string(path).map_err(|error| failed(error, path))?;
            Ok(text.trim().to_owned())
        };
        let options = PortOptions {
            token: self.token_file.as_ref().map(read).transpose()?,
            origins: self.allow_origin.clone(),
        };
        let is_empty = options.token.is_none() && options.origins.is_empty();
        Ok((!is_empty).then_some(options))
    }
}

impl PortOptions {
    pub fn apply(&self, mut config: Config) -> Config {
        if let Some(token) = &self.token {
            config = config.token(token);
        }
        for origin in &self.origins {
            config = config.allow_origin(origin);
        }
        config
    }
}
