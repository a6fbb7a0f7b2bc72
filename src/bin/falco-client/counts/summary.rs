//! The table of what was counted.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write as _};

use falco_client::{Alert, Priority};

use super::grouping::{Grouping, OTHERS};
use super::MOST_GROUPS;

/// Rows of a table.
const ROWS: usize = 40;

/// How often each rule, priority, host, container and namespace occurred.
#[derive(Default)]
pub struct Summary {
    alerts: u64,
    groups: [HashMap<String, Group>; Grouping::ALL.len()],
}

struct Group {
    alerts: u64,
    /// The most urgent.
    priority: Priority,
}

impl Summary {
    pub fn add(&mut self, alert: &Alert) {
        self.alerts += 1;
        for (by, groups) in Grouping::ALL.iter().zip(&mut self.groups) {
            let mut name = by.group_of(alert);
            if groups.len() >= MOST_GROUPS && !groups.contains_key(&name) {
                OTHERS.clone_into(&mut name);
            }
            let group = groups.entry(name).or_insert(Group {
                alerts: 0,
                priority: alert.priority(),
            });
            group.alerts += 1;
            group.priority = group.priority.max(alert.priority());
        }
    }

    /// Prints it on standard error, so that alerts on standard output stay alone.
    pub fn print(&self) {
        // That nothing reads it must not end the command.
        let _ = write!(io::stderr().lock(), "{self}");
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alerts = self.alerts;
        writeln!(f, "\n{alerts} alert{}", if alerts == 1 { "" } else { "s" })?;
        if alerts == 0 {
            return Ok(());
        }
        for (by, groups) in Grouping::ALL.iter().zip(&self.groups) {
            let mut rows: Vec<_> = groups.iter().collect();
            rows.sort_by(|(name, group), (other_name, other)| {
                let by_count = other.alerts.cmp(&group.alerts);
                by_count.then_with(|| name.cmp(other_name))
            });
            // What Falco does not know of any alert.
            if rows.len() == 1 && rows[0].0 == "(none)" {
                continue;
            }
            let title = by.name();
            match by {
                Grouping::Rule => writeln!(f, "\n  alerts  priority       {title}")?,
                _ => writeln!(f, "\n  alerts  {title}")?,
            }
            for (name, group) in rows.iter().take(ROWS) {
                match by {
                    Grouping::Rule => {
                        writeln!(f, "{:>8}  {:<13}  {name}", group.alerts, group.priority)?;
                    }
                    _ => writeln!(f, "{:>8}  {name}", group.alerts)?,
                }
            }
            if let Some(rest) = rows.get(ROWS..).filter(|rest| !rest.is_empty()) {
                let alerts: u64 = rest.iter().map(|(_, group)| group.alerts).sum();
                writeln!(f, "{alerts:>8}  in {} more", rest.len())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary_of(rules: impl IntoIterator<Item = String>) -> Summary {
        let mut summary = Summary::default();
        for rule in rules {
            let alert = Alert::builder().priority(Priority::Notice).rule(rule);
            summary.add(&alert.hostname("node-1").build());
        }
        summary
    }

    #[test]
    fn the_most_frequent_is_first() {
        let rules = ["A rule", "Shell", "Shell"].map(str::to_owned);
        assert_eq!(
            summary_of(rules).to_string(),
            "\n3 alerts\n\n  alerts  priority       rule\n       2  Notice         Shell\n       1  Notice         \
             A rule\n\n  alerts  priority\n       3  Notice\n\n  alerts  host\n       3  node-1\n"
        );
        assert_eq!(Summary::default().to_string(), "\n0 alerts\n");
    }

    #[test]
    fn any_number_of_names_takes_little_room() {
        let summary = summary_of((0..5000).map(|number| format!("Rule {number}")));
        assert_eq!(summary.groups[0].len(), MOST_GROUPS + 1);
        assert_eq!(summary.groups[0][OTHERS].alerts, 4000);
        let text = summary.to_string();
        assert!(text.lines().count() < 60, "{text}");
        assert!(text.contains("4000  Notice         (others)"), "{text}");
    }
}
