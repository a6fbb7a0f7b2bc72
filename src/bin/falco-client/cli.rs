//! The command line as a whole.

use std::ffi::OsStr;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::commands::Command;

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

/// Reads the security alerts of Falco: over gRPC from Falco 0.18 to 0.43, from HTTP, files and pipes of
/// any, and moves them on.
#[derive(Parser)]
#[command(name = "falco-client", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// Say on standard error what goes on beneath, down to the gRPC core.
    // Shown beside --help, not among the options of a subcommand.
    #[arg(short, long, global = true, display_order = 900)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// Reads the command line; ends the process where it is wrong.
pub fn parse() -> Cli {
    let matches = without_empty_environment(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn clap_finds_no_fault() {
        Cli::command().debug_assert();
    }

    #[track_caller]
    fn refused(args: &[&str]) -> String {
        let args = ["falco-client"].iter().chain(args);
        let error = Cli::try_parse_from(args).err().unwrap();
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
