//! Which Falco to connect to.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};
use falco_client::{Config, Endpoint, EndpointKind};

use super::{certificates, served};
use crate::diagnostics::Failure;

#[derive(clap::Args)]
#[command(next_help_heading = "Connection")]
struct Options {
    /// Where alerts come from
    #[arg(long, env = "FALCO_ENDPOINT", hide_env = true, hide_env_values = true, value_name = "ENDPOINT", default_value = Endpoint::DEFAULT)]
    endpoint: String,
    /// CA certificate to trust (PEM)
    ///
    /// The peer's certificate must be signed by this CA.
    ///
    /// A host:port needs --ca, --cert and --key, a unix socket none of them. listen+https needs --cert
    /// and --key; with --ca it also requires a client certificate of Falco.
    #[arg(long, env = "FALCO_CA", hide_env = true, hide_env_values = true, value_name = "FILE", requires_all = ["cert", "key"])]
    ca: Option<PathBuf>,
    /// Certificate to present (PEM)
    #[arg(
        long,
        env = "FALCO_CERT",
        hide_env = true,
        hide_env_values = true,
        value_name = "FILE",
        requires = "key"
    )]
    cert: Option<PathBuf>,
    /// Private key for --cert (PEM)
    #[arg(
        long,
        env = "FALCO_KEY",
        hide_env = true,
        hide_env_values = true,
        value_name = "FILE",
        requires = "cert"
    )]
    key: Option<PathBuf>,
    /// Server name to verify
    ///
    /// Default: the host of the endpoint. For a Falco that is reached by an address, or through a tunnel, that its certificate does not
    /// name.
    #[arg(
        long,
        hide_short_help = true,
        env = "FALCO_SERVER_NAME",
        hide_env = true,
        hide_env_values = true,
        value_name = "NAME"
    )]
    server_name: Option<String>,
    /// Connect to a host:port without TLS
    ///
    /// For a tunnel, a sidecar or another proxy that adds TLS, or forwards Falco's unix socket. Falco
    /// itself never serves plaintext over TCP.
    #[arg(long, hide_short_help = true)]
    plaintext: bool,
}

/// The options of a connection, and where they were given.
pub struct ConnectionArgs {
    options: Options,
    /// As an argument or in the environment.
    endpoint_is_given: bool,
    /// A certificate or a name was given as an argument, not only in the environment.
    asks_for_tls: bool,
}

impl ConnectionArgs {
    /// Sets the endpoint unless the user has. Returns whether it did.
    pub fn suggest(&mut self, endpoint: &Endpoint) -> bool {
        if !self.endpoint_is_given {
            self.options.endpoint = endpoint.to_string();
        }
        !self.endpoint_is_given
    }

    pub fn endpoint_is_given(&self) -> bool {
        self.endpoint_is_given
    }

    /// Refuses an endpoint that the command does not serve.
    pub fn require(
        &self,
        served: &[EndpointKind],
        command: &str,
        remedy: &str,
    ) -> Result<(), Failure> {
        served::require(served, &self.options.endpoint, command, remedy)
    }

    /// None where it is no endpoint at all, which the library explains.
    pub fn kind(&self) -> Option<EndpointKind> {
        Some(EndpointKind::of(&self.endpoint().ok()?))
    }

    pub fn endpoint(&self) -> falco_client::Result<Endpoint> {
        self.options.endpoint.parse()
    }

    pub fn config(&self) -> Config {
        let options = &self.options;
        let mut config = Config::new(&options.endpoint);
        if options.plaintext {
            config = config.plaintext(true);
        }
        // The environment is for all endpoints that have a use for it; an argument is for this one.
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
