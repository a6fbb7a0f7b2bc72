//! Which Falco to connect to.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};
use falco_client::{Config, Endpoint};

use super::certificates;
use crate::endpoint::EndpointKind;

#[derive(clap::Args)]
#[command(next_help_heading = "Connection")]
struct Options {
    /// Where Falco listens: unix:///path or host:port. Or where it sends its alerts to, where it has
    /// no gRPC: listen+http://ADDR:PORT, listen+https://ADDR:PORT, file:///path, - for standard input.
    #[arg(long, env = "FALCO_ENDPOINT", hide_env_values = true, value_name = "ENDPOINT", default_value = Endpoint::DEFAULT)]
    endpoint: String,
    /// The authority that signed Falco's certificate, PEM. A host:port needs all three, a unix
    /// socket none; listen+https needs the other two, and with this asks Falco for a certificate.
    #[arg(long, env = "FALCO_CA", hide_env_values = true, value_name = "FILE", requires_all = ["cert", "key"])]
    ca: Option<PathBuf>,
    /// Our certificate, PEM.
    #[arg(
        long,
        env = "FALCO_CERT",
        hide_env_values = true,
        value_name = "FILE",
        requires = "key"
    )]
    cert: Option<PathBuf>,
    /// The key of our certificate, PEM.
    #[arg(
        long,
        env = "FALCO_KEY",
        hide_env_values = true,
        value_name = "FILE",
        requires = "cert"
    )]
    key: Option<PathBuf>,
    /// The name in Falco's certificate, where it differs from the host of the endpoint.
    #[arg(
        long,
        env = "FALCO_SERVER_NAME",
        hide_env_values = true,
        value_name = "NAME"
    )]
    server_name: Option<String>,
    /// Speak to a host:port without TLS, for a tunnel or a sidecar that adds it.
    #[arg(long)]
    plaintext: bool,
}

/// The options of a connection, and which of them were given how.
pub struct ConnectionArgs {
    options: Options,
    /// The endpoint was given, as an argument or in the environment.
    endpoint_is_given: bool,
    /// Certificates were given as arguments, not only in the environment.
    asks_for_tls: bool,
}

impl ConnectionArgs {
    /// Sets the endpoint where the user has not: whether it did.
    pub fn suggest(&mut self, endpoint: &Endpoint) -> bool {
        if !self.endpoint_is_given {
            self.options.endpoint = endpoint.to_string();
        }
        !self.endpoint_is_given
    }

    pub fn endpoint_is_given(&self) -> bool {
        self.endpoint_is_given
    }

    /// None where it is no endpoint at all, which the library explains.
    pub fn kind(&self) -> Option<EndpointKind> {
        let endpoint = self.options.endpoint.parse().ok()?;
        Some(EndpointKind::of(&endpoint))
    }

    pub fn config(&self) -> Config {
        let options = &self.options;
        let mut config = Config::new(&options.endpoint);
        if options.plaintext {
            config = config.plaintext(true);
        }
        // What the environment has is meant for where it fits; an argument is meant now.
        let fits = !options.plaintext && self.kind().is_none_or(EndpointKind::has_tls);
        if !fits && !self.asks_for_tls {
            return config;
        }
        if let Some(tls) = certificates(&options.ca, &options.cert, &options.key) {
            config = config.tls(tls);
        }
        if let Some(name) = &options.server_name {
            config = config.server_name(name);
        }
        config
    }
}

impl FromArgMatches for ConnectionArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<ConnectionArgs, clap::Error> {
        let source = |name| matches.value_source(name);
        Ok(ConnectionArgs {
            endpoint_is_given: source("endpoint") != Some(ValueSource::DefaultValue),
            asks_for_tls: ["ca", "cert", "key", "server_name"]
                .iter()
                .any(|name| source(name) == Some(ValueSource::CommandLine)),
            options: Options::from_arg_matches(matches)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = ConnectionArgs::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for ConnectionArgs {
    fn augment_args(command: Command) -> Command {
        Options::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Options::augment_args_for_update(command)
    }
}
