//! The command line as a whole.

use std::io::{self, Write as _};

use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser};

use crate::commands::{Command, LACKING};
use crate::diagnostics::say;
use crate::environment::{self, WithEnvironment};

/// Doc comments are the help: `--help` shows the first paragraph of each, `falco-client help COMMAND`
/// and the manual page show all of them.
const MORE: &str = "\
Exit codes:
  0      success, also after SIGINT, SIGTERM or SIGHUP, or a closed output pipe
  1      connection, server or output failure, or --close-within exceeded
  2      invalid argument, certificate, descriptor or recording; nothing read
  3      an alert could not be decoded; standard error has its start
  10-21  the failed step of check: see falco-client help check
  130    stopped by a second signal before all received alerts were printed

Examples:
  falco-client demo                      see it work, without a Falco
  falco-client watch                     follow the Falco on this host
  falco-client get --limit 10 | jq .     ten of the alerts that it holds now
  falco-client watch --endpoint listen+http://0.0.0.0:2801
                                         receive http_output (Falco 0.44)
  falco-client help watch                explain watch in detail";

#[cfg_attr(
    feature = "cli",
    doc = "Read, forward and diagnose the security alerts of Falco"
)]
#[cfg_attr(
    not(feature = "cli"),
    doc = "Read and diagnose the security alerts of Falco"
)]
///
/// Alerts are read over gRPC from Falco 0.18 to 0.43, and over HTTP, from files and from pipes from any
/// Falco, including 0.44 and later.
#[derive(Parser)]
#[command(
    name = "falco-client",
    version,
    after_help = MORE,
    after_long_help = format!("{MORE}\n\n{}", environment::help()),
    max_term_width = 100,
    disable_help_flag = true
)]
pub struct Cli {
    // Shown beside --help, not among the options of a command.
    /// Log to standard error, including gRPC internals
    #[arg(short, long, global = true, display_order = 900)]
    pub verbose: bool,
    /// Print help
    #[arg(short, long, global = true, display_order = 901, action = ArgAction::HelpShort)]
    help: Option<bool>,
    #[command(subcommand)]
    pub command: Command,
}

/// Reads the command line and the environment; exits where they are wrong.
pub fn parse() -> Cli {
    let args = std::env::args_os().collect();
    let WithEnvironment {
        command,
        args,
        taken,
    } = environment::apply(Cli::command(), args, &|name| std::env::var_os(name));
    let matches = command.try_get_matches_from(args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    cli.unwrap_or_else(|error| {
        // That nothing reads it is no reason to go on.
        let _ = match lacking(&error) {
            Some(text) => writeln!(io::stderr(), "{text}"),
            None => error.print(),
        };
        if error.use_stderr() && !taken.is_empty() {
            say(format_args!(
                "the environment was read, too: {}",
                taken.join(", ")
            ));
        }
        std::process::exit(error.exit_code())
    })
}

/// What to say of a command that exists, but not in this build.
fn lacking(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(called)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let (name, feature) = LACKING.iter().find(|(name, _)| name == called)?;
    Some(format!(
        "error: this falco-client was built without the command '{name}'; build it with --features {feature}"
    ))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_command_that_this_build_lacks_names_its_feature() {
        let error = |args: &[&str]| {
            let args = ["falco-client"].iter().chain(args);
            Cli::try_parse_from(args).err().unwrap()
        };
        for (name, feature) in LACKING {
            for args in [&[*name][..], &["help", name], &[name, "--spool", "x"]] {
                let text = lacking(&error(args)).unwrap();
                assert!(text.contains(&format!("'{name}'")), "{text}");
                assert!(text.ends_with(&format!("--features {feature}")), "{text}");
            }
            let help = Cli::command().render_long_help().to_string();
            assert!(!help.contains(&format!("\n  {name} ")), "{help}");
        }
        assert_eq!(lacking(&error(&["no-command"])), None);
        assert_eq!(lacking(&error(&["get", "--no-option"])), None);
    }

    /// A terminal of usual width, and as high as many are opened.
    const COLUMNS: usize = 80;
    const LINES: usize = 40;

    #[test]
    fn the_help_of_each_command_fits_a_screen() {
        let mut cli = Cli::command().term_width(COLUMNS);
        cli.build();
        for command in cli.get_subcommands_mut() {
            let help = command.render_help().to_string();
            let wide = help.lines().find(|line| line.chars().count() > COLUMNS);
            assert_eq!(wide, None, "{}", command.get_name());
            assert!(help.lines().count() <= LINES, "{help}");
        }
    }
}
