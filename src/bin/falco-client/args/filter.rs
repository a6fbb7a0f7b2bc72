//! Which alerts to print.

use falco_client::{Alert, Priority};
use glob::Pattern;

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Filters")]
pub struct Filter {
    /// Print alerts of this priority and above: emergency, alert, critical, error, warning,
    /// notice, informational or debug. An alert of a priority unknown to this version is printed.
    #[arg(long, value_name = "PRIORITY", value_parser = priority)]
    min_priority: Option<Priority>,
    /// Print alerts whose rule matches: * stands for any text, ? for one character, [abc] for
    /// one of these. Upper and lower case differ.
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    rule: Vec<Pattern>,
    /// Print alerts of this source, as in syscall, k8s_audit or internal.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Print alerts that carry this tag.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

fn priority(text: &str) -> Result<Priority, String> {
    match text.parse() {
        Ok(Priority::Unknown(_)) => Err("the numbers are 0 (emergency) to 7 (debug)".to_owned()),
        Ok(known) => Ok(known),
        Err(error) => Err(error.to_string()),
    }
}

fn glob(text: &str) -> Result<Pattern, String> {
    if text.is_empty() {
        return Err(
            "no rule has an empty name; give one, as in \"Terminal shell*\", or leave the \
                    option out for all rules"
                .to_owned(),
        );
    }
    Pattern::new(text).map_err(|error| error.to_string())
}

impl Filter {
    /// Options of different names must all hold; of one option given several times, any.
    pub fn lets_pass(&self, alert: &Alert) -> bool {
        self.min_priority
            .is_none_or(|least| match alert.priority() {
                Priority::Unknown(_) => true,
                known => known >= least,
            })
            && any(&self.rule, |rule| rule.matches(alert.rule()))
            && any(&self.source, |source| source == alert.source())
            && any(&self.tag, |tag| alert.tags().any(|carried| carried == tag))
    }
}

fn any<T>(wanted: &[T], holds: impl FnMut(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(holds)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        filter: Filter,
    }

    fn filter(args: &[&str]) -> Result<Filter, clap::Error> {
        let args = ["test"].iter().chain(args);
        Only::try_parse_from(args).map(|only| only.filter)
    }

    fn shell_alert() -> Alert {
        Alert::builder()
            .priority(Priority::Warning)
            .rule("Terminal shell in container")
            .source("syscall")
            .tag("shell")
            .tag("container")
            .build()
    }

    #[track_caller]
    fn passes(args: &[&str], expected: bool) {
        assert_eq!(
            filter(args).unwrap().lets_pass(&shell_alert()),
            expected,
            "{args:?}"
        );
    }

    #[test]
    fn each_option_filters() {
        passes(&[], true);
        passes(&["--min-priority", "notice"], true);
        passes(&["--min-priority", "WARNING"], true);
        passes(&["--min-priority", "error"], false);
        passes(&["--rule", "Terminal*"], true);
        passes(&["--rule", "*shell*"], true);
        passes(&["--rule", "terminal*"], false);
        passes(&["--rule", "Terminal"], false);
        passes(&["--source", "syscall"], true);
        passes(&["--source", "sys"], false);
        passes(&["--tag", "container"], true);
        passes(&["--tag", "host"], false);
    }

    #[test]
    fn one_option_several_times_means_any() {
        passes(&["--tag", "host", "--tag", "shell"], true);
        passes(&["--rule", "No*", "--rule", "Term*"], true);
        passes(&["--source", "plugin", "--source", "internal"], false);
    }

    #[test]
    fn different_options_must_all_hold() {
        passes(&["--tag", "shell", "--rule", "Term*"], true);
        passes(&["--tag", "shell", "--rule", "No*"], false);
    }

    #[test]
    fn an_unknown_priority_is_never_filtered_out() {
        let newer = Alert::builder().priority(Priority::from_number(8)).build();
        assert!(filter(&["--min-priority", "emergency"])
            .unwrap()
            .lets_pass(&newer));
    }

    #[test]
    fn what_is_no_priority_or_glob_is_refused() {
        assert!(filter(&["--min-priority", "urgent"]).is_err());
        assert!(filter(&["--min-priority", "8"]).is_err());
        assert!(filter(&["--rule", "[a"]).is_err());
        assert!(filter(&["--rule", ""]).is_err());
    }
}
