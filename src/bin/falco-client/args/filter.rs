//! Which alerts to print or to forward.

use falco_client::{Alert, Priority};
use glob::Pattern;

#[derive(clap::Args, Clone, Default)]
#[command(next_help_heading = "Filters")]
pub struct Filter {
    /// Alerts of this priority and above, e.g. warning
    ///
    /// One of emergency, alert, critical, error, warning, notice, informational, debug. An alert of a
    /// priority that is unknown to this version is always printed.
    #[arg(long, value_name = "LEVEL", value_parser = priority)]
    pub min_priority: Option<Priority>,
    /// Alerts whose rule matches, e.g. 'Terminal*'
    ///
    /// * matches any text, ? one character, [abc] one of these. Case-sensitive.
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    pub rule: Vec<Pattern>,
    /// Alerts of this source, e.g. syscall or k8s_audit
    #[arg(long, value_name = "SOURCE")]
    pub source: Vec<String>,
    /// Alerts that have this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Alerts whose field matches, e.g. k8s.ns.name=pay*
    ///
    /// The value is a pattern, as that of --rule. NAME!=GLOB selects alerts whose field does not match, or that lack it. Of several
    /// options, those with the same name and = are alternatives; all others must hold.
    #[arg(long, value_name = "NAME=GLOB", value_parser = field)]
    pub field: Vec<FieldFilter>,
}

#[derive(Clone)]
pub struct FieldFilter {
    name: String,
    value: Pattern,
    negated: bool,
}

impl FieldFilter {
    fn matches(&self, alert: &Alert) -> bool {
        let found = alert.field(&self.name);
        found.is_some_and(|value| self.value.matches(value)) != self.negated
    }
}

pub fn field(text: &str) -> Result<FieldFilter, String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write NAME=GLOB or NAME!=GLOB, as in k8s.ns.name=payments")?;
    let (name, negated) = match name.strip_suffix('!') {
        Some(name) => (name, true),
        None => (name, false),
    };
    if name.is_empty() {
        return Err("has no name of an output field; write NAME=GLOB".to_owned());
    }
    let value = Pattern::new(value).map_err(|error| error.to_string())?;
    Ok(FieldFilter {
        name: name.to_owned(),
        value,
        negated,
    })
}

pub fn priority(text: &str) -> Result<Priority, String> {
    match text.parse() {
        Ok(Priority::Unknown(_)) => {
            Err("a number must be from 0 (emergency) to 7 (debug)".to_owned())
        }
        Ok(known) => Ok(known),
        Err(error) => Err(error.to_string()),
    }
}

pub fn glob(text: &str) -> Result<Pattern, String> {
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
            && self
                .field
                .iter()
                .all(|filter| self.has_field(filter, alert))
    }

    fn has_field(&self, filter: &FieldFilter, alert: &Alert) -> bool {
        if filter.negated {
            return filter.matches(alert);
        }
        let same = |other: &&FieldFilter| !other.negated && other.name == filter.name;
        self.field
            .iter()
            .filter(same)
            .any(|other| other.matches(alert))
    }

    /// Whether it lets everything pass.
    #[cfg(feature = "cli")]
    pub fn is_empty(&self) -> bool {
        self.min_priority.is_none()
            && self.rule.is_empty()
            && self.source.is_empty()
            && self.tag.is_empty()
            && self.field.is_empty()
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
            .field("k8s.ns.name", "payments")
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
        passes(&["--field", "k8s.ns.name=pay*"], true);
        passes(&["--field", "k8s.ns.name=kube-system"], false);
        passes(&["--field", "k8s.ns.name!=kube-system"], true);
        passes(&["--field", "k8s.ns.name!=pay*"], false);
        passes(&["--field", "k8s.pod.name!=x"], true);
        passes(&["--field", "k8s.pod.name=*"], false);
    }

    #[test]
    fn one_option_several_times_means_any() {
        passes(&["--tag", "host", "--tag", "shell"], true);
        passes(&["--rule", "No*", "--rule", "Term*"], true);
        passes(&["--source", "plugin", "--source", "internal"], false);
        let [a, b] = ["--field", "k8s.ns.name=x"];
        passes(&[a, b, a, "k8s.ns.name=payments"], true);
        passes(&[a, "k8s.ns.name!=x", a, "k8s.ns.name!=payments"], false);
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
        for field in ["", "name", "=x", "!=x", "name=[a"] {
            assert!(filter(&["--field", field]).is_err(), "{field}");
        }
    }
}
