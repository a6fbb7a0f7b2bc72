//! Which alerts to print.

use falco_client::{Alert, Priority};
use glob::Pattern;

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Filters")]
pub struct Filter {
    /// Alerts of this priority and above, e.g. warning
    ///
    /// One of emergency, alert, critical, error, warning, notice, informational, debug. An alert of a
    /// priority that is unknown to this version is always printed.
    #[arg(long, value_name = "LEVEL", value_parser = priority)]
    min_priority: Option<Priority>,
    /// Alerts whose rule matches, e.g. 'Terminal*'
    ///
    /// * matches any text, ? one character, [abc] one of these. Case-sensitive.
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    rule: Vec<Pattern>,
    /// Alerts of this source, e.g. syscall or k8s_audit
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Alerts that have this tag
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

fn priority(text: &str) -> Result<Priority, String> {
    match text.parse() {
        Ok(Priority::Unknown(_)) => {
            Err("a number must be from 0 (emergency) to 7 (debug)".to_owned())
        }
        Ok(known) => Ok(known),
        Err(error) => Err(error.to_string()),
    }
}

fn glob(text: &str) -> Result<Pattern, String> {
    if text.is_empty() {
        return Err(
            "a rule's name is never empty; give a pattern, as in \"Terminal shell*\", or omit the \
             option to print all rules"
                .to_owned(),
        );
    }
    Pattern::new(text).map_err(|error| error.to_string())
}

impl Filter {
    /// Whether every option that was given holds; of an option given several times, any value.
    pub fn matches(&self, alert: &Alert) -> bool {
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
            filter(args).unwrap().matches(&shell_alert()),
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
            .matches(&newer));
    }

    #[test]
    fn what_is_no_priority_or_glob_is_refused() {
        assert!(filter(&["--min-priority", "urgent"]).is_err());
        assert!(filter(&["--min-priority", "8"]).is_err());
        assert!(filter(&["--rule", "[a"]).is_err());
        assert!(filter(&["--rule", ""]).is_err());
    }
}
