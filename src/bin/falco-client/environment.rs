//! Options from the environment: `FALCO_CLIENT_` and the name of the option, as in
//! `FALCO_CLIENT_MIN_PRIORITY`. An argument counts more.

use std::ffi::{OsStr, OsString};

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Command};

const NAMES: &str = "\
Environment: each option can be given as a variable: FALCO_CLIENT_ and its name in capitals, as in \
FALCO_CLIENT_MIN_PRIORITY=warning. An option without a value is true or false, as in \
FALCO_CLIENT_VERBOSE=true. An option that may be repeated takes several values, separated by commas \
or one on each line.";

const ADDRESS_LISTS: &str = "\
In a list of addresses, a comma begins the next one only where a space, a scheme with ://, grpc or - \
follows, so that kafka://a,b/topic is one address. FALCO_CLIENT_TO_HEADER takes one header on each line.";

const PRECEDENCE: &str = "\
An argument replaces its variable, and an empty variable is ignored. FALCO_ENDPOINT, FALCO_CA, \
FALCO_CERT, FALCO_KEY and FALCO_SERVER_NAME are read as well.";

/// What the manual says of it. Only a relay has lists of addresses.
pub fn help() -> String {
    match cfg!(feature = "cli") {
        true => format!("{NAMES} {ADDRESS_LISTS} {PRECEDENCE}"),
        false => format!("{NAMES} {PRECEDENCE}"),
    }
}

/// The long help of a command, with that of the environment.
pub fn explained(details: String) -> String {
    format!("{details}\n\n{}", help())
}

/// The one option whose values have commas.
const WITH_COMMAS: &str = "to-header";

/// Options whose values are addresses, which may have commas.
const ADDRESSES: &[&str] = &["from", "to", "forget"];

/// A command line, with what the environment adds to it.
pub struct WithEnvironment {
    pub command: Command,
    pub args: Vec<OsString>,
    /// The variables that were taken.
    pub taken: Vec<String>,
}

/// Adds the variables of the command that is called.
pub fn apply(
    command: Command,
    args: Vec<OsString>,
    get: &dyn Fn(&str) -> Option<OsString>,
) -> WithEnvironment {
    let value = |name: &str| get(name).filter(|value| !value.is_empty());
    let mut taken = Vec::new();
    let called = args
        .iter()
        .skip(1)
        .find_map(|arg| arg.to_str().filter(|arg| !arg.starts_with('-')));
    let called = called
        .and_then(|name| command.find_subcommand(name))
        .map(Command::get_name);
    let called = called.map(str::to_owned);
    let (args, lists) = with_lists(&command, args, &value);
    taken.extend(lists);
    let mut read = |arg: Arg| with_variable(arg, &value, &mut taken);
    let mut command = command.mut_args(&mut read);
    if let Some(called) = called {
        command = command.mut_subcommand(called, |called| called.mut_args(read));
    }
    WithEnvironment {
        command,
        args,
        taken,
    }
}

/// The name of an option's variable.
fn variable(arg: &Arg) -> Option<String> {
    let name = arg.get_long()?.replace('-', "_").to_ascii_uppercase();
    Some(format!("FALCO_CLIENT_{name}"))
}

/// Lets an option take its variable.
fn with_variable(
    arg: Arg,
    value: &dyn Fn(&str) -> Option<OsString>,
    taken: &mut Vec<String>,
) -> Arg {
    let is_set = |name: &OsStr| name.to_str().is_some_and(|name| value(name).is_some());
    let is_flag = match arg.get_action() {
        ArgAction::SetTrue => true,
        ArgAction::Set => false,
        // Lists are arguments by now; there is nothing else but the help.
        _ => return arg,
    };
    let counts = |name: &String| match value(name) {
        Some(value) => !(is_flag && is_false(&value)),
        None => false,
    };
    match variable(&arg).filter(counts) {
        Some(name) => {
            taken.push(name.clone());
            // The description of the command line lives as long as the process.
            let name: &'static str = name.leak();
            let arg = arg.env(name).hide_env(true).hide_env_values(true);
            match is_flag {
                true => arg.value_parser(BoolishValueParser::new()),
                false => arg,
            }
        }
        // As in `FALCO_CA= falco-client …`.
        None if !arg.get_env().is_some_and(is_set) => arg.env(None::<&'static str>),
        None => arg,
    }
}

/// Such a flag is not given, so that it needs no other option.
fn is_false(value: &OsStr) -> bool {
    let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
    ["n", "no", "f", "false", "off", "0"].contains(&value.as_str())
}

/// The arguments, with those that the variables of lists stand for, and the names of these.
fn with_lists(
    command: &Command,
    args: Vec<OsString>,
    value: &dyn Fn(&str) -> Option<OsString>,
) -> (Vec<OsString>, Vec<String>) {
    let is_name = |arg: &OsString| !arg.as_encoded_bytes().starts_with(b"-");
    let called = args.iter().skip(1).position(is_name).map(|index| index + 1);
    let called = called.and_then(|index| {
        let name = args.get(index)?.to_str()?;
        Some((index, command.find_subcommand(name)?))
    });
    let Some((index, called)) = called else {
        return (args, Vec::new());
    };
    let (mut added, mut taken) = (Vec::new(), Vec::new());
    for arg in called.get_arguments() {
        let (Some(long), Some(name)) = (arg.get_long(), variable(arg)) else {
            continue;
        };
        if !matches!(arg.get_action(), ArgAction::Append) || is_given(long, &args) {
            continue;
        }
        let Some(text) = value(&name).and_then(|value| value.into_string().ok()) else {
            continue;
        };
        let values = match long {
            _ if text.contains('\n') || long == WITH_COMMAS => text.split('\n').collect(),
            long if ADDRESSES.contains(&long) => addresses(&text),
            _ => text.split(',').collect(),
        };
        let values = values.into_iter().map(str::trim);
        let values = values.filter(|value| !value.is_empty());
        added.extend(values.map(|value| OsString::from(format!("--{long}={value}"))));
        taken.push(name);
    }
    let mut args = args;
    args.splice(index + 1..index + 1, added);
    (args, taken)
}

/// The addresses of a list with commas between and in them.
fn addresses(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut begin = 0;
    for (comma, _) in text.match_indices(',') {
        let (before, after) = (&text[begin..comma], &text[comma + 1..]);
        if !before.contains("://") || begins_address(after) {
            found.push(before);
            begin = comma + 1;
        }
    }
    found.push(&text[begin..]);
    found
}

/// Whether what follows a comma is no more of the address before it.
fn begins_address(text: &str) -> bool {
    let piece = text.split(',').next().unwrap_or_default();
    let scheme = piece.split_once("://").map(|(scheme, _)| scheme);
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let has_scheme =
        scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.chars().all(in_scheme));
    has_scheme || text.starts_with(char::is_whitespace) || ["", "-", "grpc"].contains(&piece.trim())
}

fn is_given(long: &str, args: &[OsString]) -> bool {
    let is_it = |arg: &OsString| {
        let rest = arg
            .to_str()
            .and_then(|arg| arg.strip_prefix("--")?.strip_prefix(long));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    args.iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[cfg(feature = "cli")]
    fn parse(args: &[&str], variables: &[(&str, &str)]) -> Result<Cli, clap::Error> {
        let get = |name: &str| {
            let mut found = variables.iter().filter(|(of, _)| *of == name);
            found.next().map(|(_, value)| OsString::from(*value))
        };
        let args = ["falco-client"]
            .iter()
            .chain(args)
            .map(OsString::from)
            .collect();
        let with = apply(Cli::command(), args, &get);
        let matches = with.command.try_get_matches_from(with.args)?;
        clap::FromArgMatches::from_arg_matches(&matches)
    }

    #[cfg(feature = "cli")]
    #[track_caller]
    fn relay(args: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let args: Vec<_> = ["relay"].iter().chain(args).copied().collect();
        match parse(&args, variables).unwrap().command {
            crate::commands::Command::Relay(relay) => relay.from,
            _ => panic!("not a relay"),
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_list_is_separated_by_commas_or_lines_and_replaced_by_an_argument() {
        let to = ("FALCO_CLIENT_TO", "grpc");
        let from = |value| ("FALCO_CLIENT_FROM", value);
        assert_eq!(relay(&[], &[to, from("-, unix:///a,")]), ["-", "unix:///a"]);
        assert_eq!(
            relay(&[], &[to, from("-\nfile:///a,b\n")]),
            ["-", "file:///a,b"]
        );
        assert_eq!(relay(&["--from", "-"], &[to, from("unix:///a")]), ["-"]);
        assert_eq!(relay(&["--from=-"], &[to, from("unix:///a")]), ["-"]);
        assert_eq!(relay(&["--from", "-"], &[to, from("")]), ["-"]);
        assert!(parse(&["relay"], &[to, from(" , ")]).is_err());
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_comma_in_an_address_separates_nothing() {
        for (list, expected) in [
            ("kafka://a,b:9092/t", &["kafka://a,b:9092/t"][..]),
            (
                "http://h/?a=1,2,http://i/",
                &["http://h/?a=1,2", "http://i/"],
            ),
            (
                "file:///a,b,kafka://c,d/t,-,",
                &["file:///a,b", "kafka://c,d/t", "-"],
            ),
            (
                "kafka://a,b/t, /var/out,rediss://h/s?a=1,2",
                &["kafka://a,b/t", "/var/out", "rediss://h/s?a=1,2"],
            ),
            ("http://h/x,/y", &["http://h/x,/y"]),
            ("http://h/?to=a,x=y://z", &["http://h/?to=a,x=y://z"]),
            ("a:5060,b:5060,./out", &["a:5060", "b:5060", "./out"]),
            (
                "http://h,grpc,listen+http://:1",
                &["http://h", "grpc", "listen+http://:1"],
            ),
        ] {
            let others = [("FALCO_CLIENT_TO", "grpc"), ("FALCO_CLIENT_FROM", list)];
            assert_eq!(relay(&[], &others), expected, "{list}");
        }
    }

    #[test]
    fn every_option_has_a_variable_and_no_two_of_a_command_the_same() {
        for command in Cli::command().get_subcommands() {
            let mut names: Vec<_> = command.get_arguments().filter_map(variable).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{}", command.get_name());
        }
    }

    #[test]
    fn the_help_names_no_variable_that_this_build_does_not_read() {
        let cli = Cli::command();
        let commands = std::iter::once(&cli).chain(cli.get_subcommands());
        let read: Vec<_> = commands
            .flat_map(Command::get_arguments)
            .filter_map(variable)
            .collect();
        let help = help();
        let words = help.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let named: Vec<_> = words
            .filter(|word| word.starts_with("FALCO_CLIENT_") && !word.ends_with('_'))
            .collect();
        assert!(named.len() >= 2, "{help}");
        for name in named {
            assert!(read.iter().any(|read| read == name), "{name}");
        }
    }
}
