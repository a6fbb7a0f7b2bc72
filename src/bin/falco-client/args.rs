//! The command line.

use std::ffi::OsStr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;
use falco_client::{Config, Endpoint, Overflow, Tls};

use crate::bench_args::{self, BenchArgs};
use crate::filter::Filter;
use crate::format::Format;
use crate::interrupt::BOUND;
use crate::relay_args::{self, RelayArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0    done; also after one or two of Ctrl-C, SIGTERM and SIGHUP, and when the
       reader of the output has closed it
  1    the connection, the server or the output failed, or an orderly end took
       longer than --close-within
  2    an argument, certificate, descriptor or recording cannot be used; no
       alert was read
  3    an alert could not be decoded: its bytes are on standard error, all
       others were printed
  10-21
       check found this step broken: 10 falco.yaml, 11 endpoint, 12 config,
       13 name, 14 socket, 15 tcp, 16 certificates, 17 tls, 18 alpn, 19 version,
       20 outputs, 21 first alert; a warning alone is 0
  130  a second of these signals ended it before all was printed that had come

Examples:
  falco-client demo                      see it work, without a Falco
  falco-client watch                     follow the Falco of this machine
  falco-client get --limit 10 | jq .     ten of the alerts that it holds now
  falco-client watch --endpoint falco.example.com:5060 \\
      --ca ca.crt --cert client.crt --key client.key --min-priority warning
  falco-client watch --endpoint listen+http://0.0.0.0:2801
                                         follow a Falco 0.44 by its http_output
  falco-client relay --from listen+http://0.0.0.0:2801 --to grpc
                                         serve it to programs that speak gRPC";

const READING: &str = "\
Falco gives an alert once, to one reader. Alerts that a filter holds back are gone from Falco \
without a word. Those on their way when --limit is reached are gone too, a few hundred kilobytes \
of them where many were waiting; standard error says so.

Filters of different names must all hold; of one filter given several times, any.

Ctrl-C, SIGTERM and SIGHUP ask for no more alerts, print those on their way, and end. Where alerts \
keep coming, or nobody reads them, that ends after --close-within, with exit code 1. A second \
signal ends at once: what was received by then is printed if it is read within 5 seconds. \
Standard error says how many alerts either may have cost.

Exit codes: see falco-client --help.";

const CHECKING: &str = "\
Walks the way that an alert takes, and stops where it is broken. No alert is taken away from Falco, \
unless --first-alert is given: then every alert that came is printed, one or as many as Falco held, \
and gone from Falco. With --json they stand as {\"alert\": …} in lines of their own before the report.

Exit codes: 0 where all is well, also with warnings; each step has its own, see falco-client --help.

Examples:
  falco-client check
  falco-client check --first-alert 30
  falco-client check --endpoint falco.example.com:5060 \\
      --ca ca.crt --cert client.crt --key client.key --json | jq .failed";

const SERVING: &str = "\
Alerts wait until a reader takes them, each is given once. Ctrl-C and SIGTERM end it in order and \
say how many alerts were taken and how many are left.

Examples:
  falco-client serve --listen unix:///tmp/falco.sock --replay alerts.pb
  falco-client serve --listen localhost:5060 \\
      --ca ca.crt --cert server.crt --key server.key \\
      --replay alerts.jsonl --rate 100 --loop";

/// Reads the security alerts of Falco: over gRPC from Falco 0.18 to 0.43, from HTTP, files and pipes of
/// any, and moves them on.
#[derive(Parser)]
#[command(name = "falco-client", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Args {
    /// Say on standard error what goes on beneath, down to the gRPC core.
    // Shown beside --help, not among the options of a subcommand.
    #[arg(short, long, global = true, display_order = 900)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Print the alerts that Falco holds now, then end
    #[command(after_help = READING)]
    Get(ReadArgs),
    /// Print alerts as they happen, through restarts of Falco, until Ctrl-C
    #[command(after_help = READING)]
    Watch(ReadArgs),
    /// Move alerts on: to Falco's gRPC API, to HTTP, to files
    #[command(after_help = relay_args::RELAYING)]
    Relay(RelayArgs),
    /// Find out why no alert comes: each step of its way, and the remedy
    #[command(after_help = CHECKING)]
    Check(CheckArgs),
    /// Print which version Falco is
    Version(VersionArgs),
    /// Serve recorded alerts as a Falco does, for tests and trials
    #[command(after_help = SERVING)]
    Serve(ServeArgs),
    /// Measure how fast alerts can be read, and how late they come
    #[command(after_help = bench_args::MEASURING)]
    Bench(BenchArgs),
    /// Show recorded alerts arriving from a Falco that is built in
    Demo,
    /// Print a completion script for a shell
    Completions { shell: Shell },
    /// Print the manual page, or write one for each subcommand into a folder
    Man { folder: Option<PathBuf> },
}

#[derive(clap::Args)]
pub struct ReadArgs {
    /// How to print an alert. Default: text on a terminal, falco elsewhere. On a terminal, what
    /// could drive it is escaped in every form.
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<Format>,
    /// Print the form proto with the names of this descriptor, so that the fields of a newer
    /// Falco show: *.proto text, or a FileDescriptorSet as protoc -o writes it.
    #[arg(long, value_name = "FILE")]
    pub proto: Option<PathBuf>,
    /// End after so many alerts were printed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// What happens when alerts come faster than they are read here. While the queue of 4 MiB is
    /// full: wait, so that they stay in Falco; or drop some, and say how many.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = WhenFull::Wait)]
    pub when_full: WhenFull,
    /// Give up an orderly end after so many seconds, and say how many alerts that may cost.
    #[arg(long, value_name = "SECONDS", default_value_t = BOUND.as_secs())]
    pub close_within: u64,
    #[command(flatten)]
    pub filter: Filter,
    #[command(flatten)]
    pub falco: FalcoArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum WhenFull {
    Wait,
    DropOldest,
    DropNewest,
}

impl From<WhenFull> for Overflow {
    fn from(when_full: WhenFull) -> Overflow {
        match when_full {
            WhenFull::Wait => Overflow::Wait,
            WhenFull::DropOldest => Overflow::DropOldest,
            WhenFull::DropNewest => Overflow::DropNewest,
        }
    }
}

#[derive(clap::Args)]
pub struct VersionArgs {
    /// Print all that Falco says of its version, as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub falco: FalcoArgs,
}

#[derive(clap::Args)]
pub struct CheckArgs {
    /// The settings of this Falco. Default: /etc/falco/falco.yaml, if it is there. Its
    /// grpc.bind_address is the endpoint where none is given.
    #[arg(long, value_name = "FILE")]
    pub falco_yaml: Option<PathBuf>,
    /// Wait so long for a first alert, as the last step.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub first_alert: Option<u32>,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub falco: FalcoArgs,
}

#[derive(clap::Args)]
pub struct ServeArgs {
    /// Where to listen: unix:///path or host:port (port 0: any free one).
    #[arg(long, value_name = "ENDPOINT")]
    pub listen: String,
    /// Recordings to serve, in this order: *.pb (messages, each after its length), else Falco's
    /// own JSON lines.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub replay: Vec<PathBuf>,
    /// Alerts a second. Default: all at once.
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// Begin again after the last alert; needs --rate.
    #[arg(long = "loop", requires = "rate")]
    pub again: bool,
    /// Which Falco to be, from 0.18.0 on: it has the methods of that one, and its version.
    #[arg(long, value_name = "VERSION", default_value = "0.43.1")]
    pub falco: String,
    /// Threads that serve, as Falco's grpc.threadiness: each allows 10 streams. 0: one a CPU.
    #[arg(long, value_name = "N", default_value = "1")]
    pub threads: usize,
    /// The authority that signed the clients' certificates, PEM. A host:port needs all three.
    #[arg(long, value_name = "FILE", requires_all = ["cert", "key"])]
    pub ca: Option<PathBuf>,
    /// The server's certificate, PEM.
    #[arg(long, value_name = "FILE", requires_all = ["ca", "key"])]
    pub cert: Option<PathBuf>,
    /// The key of the server's certificate, PEM.
    #[arg(long, value_name = "FILE", requires_all = ["ca", "cert"])]
    pub key: Option<PathBuf>,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct FalcoArgs {
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
    /// Certificates were given as arguments, not only in the environment.
    #[arg(skip)]
    asks_for_tls: bool,
    /// The endpoint was given, as an argument or in the environment.
    #[arg(skip)]
    endpoint_is_given: bool,
}

/// Reads the command line; ends the process where it is wrong.
pub fn parse() -> Args {
    let matches = without_empty_environment(Args::command()).get_matches();
    let mut args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Some((_, matches)) = matches.subcommand() {
        match &mut args.command {
            Command::Get(read) | Command::Watch(read) => read.falco.look_at(matches),
            Command::Version(version) => version.falco.look_at(matches),
            Command::Check(check) => check.falco.look_at(matches),
            Command::Bench(bench) => bench.falco.look_at(matches),
            _ => {}
        }
    }
    args
}

/// A variable that is set to nothing is not set: to a shell, and to those who write `FALCO_CA=`.
fn without_empty_environment(command: clap::Command) -> clap::Command {
    let empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| match arg.get_env().is_some_and(empty) {
            true => arg.env(None::<&'static str>),
            false => arg,
        })
        .mut_subcommands(without_empty_environment)
}

impl FalcoArgs {
    fn look_at(&mut self, matches: &ArgMatches) {
        self.asks_for_tls = ["ca", "cert", "key", "server_name"]
            .iter()
            .any(|name| matches.value_source(name) == Some(ValueSource::CommandLine));
        self.endpoint_is_given =
            matches.value_source("endpoint") != Some(ValueSource::DefaultValue);
    }

    /// Sets the endpoint where the user has not: whether it did.
    pub fn suggest(&mut self, endpoint: &Endpoint) -> bool {
        if !self.endpoint_is_given {
            self.endpoint = endpoint.to_string();
        }
        !self.endpoint_is_given
    }

    pub fn endpoint_is_given(&self) -> bool {
        self.endpoint_is_given
    }

    /// Also where it is no endpoint at all, which is told later.
    pub fn speaks_grpc(&self) -> bool {
        !matches!(
            self.endpoint.parse(),
            Ok(Endpoint::Listen { .. } | Endpoint::File(_) | Endpoint::Stdin)
        )
    }

    pub fn config(&self) -> Config {
        let mut config = Config::new(&self.endpoint).plaintext(self.plaintext);
        // What the environment has is meant for where it fits; an argument is meant now.
        let without = ["unix:", "listen+http:", "file:"];
        let fits = !self.plaintext
            && self.endpoint != "-"
            && !without
                .iter()
                .any(|scheme| self.endpoint.starts_with(scheme));
        if !fits && !self.asks_for_tls {
            return config;
        }
        if let Some(tls) = tls(&self.ca, &self.cert, &self.key) {
            config = config.tls(tls);
        }
        if let Some(name) = &self.server_name {
            config = config.server_name(name);
        }
        config
    }
}

impl ServeArgs {
    pub fn tls(&self) -> Option<Tls> {
        tls(&self.ca, &self.cert, &self.key)
    }
}

type File = Option<PathBuf>;

/// The certificates that were given, if any.
pub fn tls(ca: &File, cert: &File, key: &File) -> Option<Tls> {
    let (cert, key) = (cert.as_ref()?, key.as_ref()?);
    Some(match ca {
        Some(ca) => Tls::from_files(ca, cert, key),
        None => Tls::server_from_files(cert, key),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn clap_finds_no_fault() {
        Args::command().debug_assert();
    }

    #[track_caller]
    fn refused(args: &[&str]) -> String {
        let args = ["falco-client"].iter().chain(args);
        let error = Args::try_parse_from(args).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert!(refused(&["get", "--format", "xml"]).contains("text, falco, go, proto"));
        assert!(refused(&["get", "--min-priority", "urgent"]).contains("emergency"));
        assert!(refused(&["get", "--limit", "0"]).contains("--limit"));
        assert!(refused(&["get", "--ca", "ca.crt"]).contains("--key"));
        assert!(refused(&["serve", "--listen", "x"]).contains("--replay"));
        assert!(refused(&["serve", "--listen", "x", "--replay", "y", "--loop"]).contains("--rate"));
    }
}
