//! What `top` counts: alerts of the last minutes, by group.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use falco_client::{Alert, Priority};

use crate::counts::{Grouping, MOST_GROUPS, OTHERS};

/// The parts of the window. Has many divisors, so that a narrow terminal can show fewer.
pub const PARTS: usize = 60;

/// A larger alert is not kept for being opened: each group has one.
const LARGEST: usize = 16 * 1024;

/// The alerts of a window of time that ends now. Times are since the start.
pub struct Model {
    part: Duration,
    groups: [Groups; Grouping::ALL.len()],
    all: TopGroup,
}

/// The newest alert of a group.
#[derive(Clone, Debug)]
pub enum Newest {
    Alert(Alert),
    /// Its size in bytes.
    TooLarge(usize),
}

#[derive(Default)]
struct Groups {
    by_name: HashMap<String, TopGroup>,
    /// The part of the window in which it was last cleaned up.
    cleaned: u64,
}

struct TopGroup {
    /// Counts by part, `parts[number % PARTS]`.
    parts: [u32; PARTS],
    /// The number of the newest part.
    number: u64,
    total: u64,
    /// The most urgent of the window's alerts, as far as it is known.
    priority: Priority,
    last: Duration,
    newest: Option<Arc<Newest>>,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub priority: Priority,
    /// In the window.
    pub alerts: u64,
    /// The time since the last one.
    pub ago: Duration,
    /// By part of the window, the oldest first.
    pub parts: [u32; PARTS],
    pub newest: Option<Arc<Newest>>,
}

impl Model {
    pub fn new(window: Duration) -> Model {
        Model {
            part: (window / PARTS as u32).max(Duration::from_millis(1)),
            groups: Default::default(),
            all: TopGroup::new(),
        }
    }

    pub fn window(&self) -> Duration {
        self.part * PARTS as u32
    }

    pub fn add(&mut self, alert: &Alert, now: Duration) {
        let now = now.max(self.all.last);
        let number = self.number(now);
        let newest = Arc::new(match alert.as_bytes().len() {
            size if size > LARGEST => Newest::TooLarge(size),
            _ => Newest::Alert(alert.clone()),
        });
        self.all.add(alert.priority(), number, now, None);
        for (by, groups) in Grouping::ALL.iter().zip(&mut self.groups) {
            let group = groups.named(by.group_of(alert), number);
            group.add(alert.priority(), number, now, Some(newest.clone()));
        }
    }

    /// How many alerts there were since the start.
    pub fn total(&self) -> u64 {
        self.all.total
    }

    /// How many there were in the window.
    pub fn in_window(&self, now: Duration) -> u64 {
        self.all
            .in_window(self.number(now))
            .iter()
            .map(|&count| u64::from(count))
            .sum()
    }

    /// The groups that have alerts in the window, those with the most first.
    pub fn rows(&self, by: Grouping, now: Duration, filter: &str) -> Vec<Row> {
        let number = self.number(now);
        let filter = filter.to_lowercase();
        let at = Grouping::ALL.iter().position(|other| *other == by);
        let groups = &self.groups[at.unwrap_or_default()].by_name;
        let mut rows: Vec<_> = groups
            .iter()
            .filter(|(name, _)| filter.is_empty() || name.to_lowercase().contains(&filter))
            .map(|(name, group)| group.row(name, number, now))
            .filter(|row| row.alerts > 0)
            .collect();
        rows.sort_by(|one, other| {
            let by_count = other.alerts.cmp(&one.alerts);
            by_count.then_with(|| one.name.cmp(&other.name))
        });
        rows
    }

    fn number(&self, now: Duration) -> u64 {
        (now.as_nanos() / self.part.as_nanos()) as u64
    }
}

impl Groups {
    /// The group of this name, or that of all others where there are too many.
    fn named(&mut self, mut name: String, number: u64) -> &mut TopGroup {
        if self.by_name.len() >= MOST_GROUPS && !self.by_name.contains_key(&name) {
            // Once in a part of the window, as it takes long.
            if std::mem::replace(&mut self.cleaned, number) != number {
                self.by_name
                    .retain(|_, group| number - group.number < PARTS as u64);
            }
            if self.by_name.len() >= MOST_GROUPS {
                OTHERS.clone_into(&mut name);
            }
        }
        self.by_name.entry(name).or_insert_with(TopGroup::new)
    }
}

impl TopGroup {
    fn new() -> TopGroup {
        TopGroup {
            parts: [0; PARTS],
            number: 0,
            total: 0,
            priority: Priority::Unknown(i32::MAX),
            last: Duration::ZERO,
            newest: None,
        }
    }

    fn add(&mut self, priority: Priority, number: u64, now: Duration, newest: Option<Arc<Newest>>) {
        self.parts = self.by_slot(number);
        if number - self.number >= PARTS as u64 || self.total == 0 {
            self.priority = priority;
        }
        self.priority = self.priority.max(priority);
        self.number = number;
        let count = &mut self.parts[(number % PARTS as u64) as usize];
        *count = count.saturating_add(1);
        self.total += 1;
        self.last = now;
        self.newest = newest;
    }

    /// The counts, with those that have left the window until `number` cleared.
    fn by_slot(&self, number: u64) -> [u32; PARTS] {
        let mut parts = self.parts;
        let passed = number.saturating_sub(self.number).min(PARTS as u64);
        for newer in 1..=passed {
            parts[((self.number + newer) % PARTS as u64) as usize] = 0;
        }
        if passed == PARTS as u64 {
            parts = [0; PARTS];
        }
        parts
    }

    /// The counts of the window, the oldest first.
    fn in_window(&self, number: u64) -> [u32; PARTS] {
        let slots = self.by_slot(number);
        std::array::from_fn(|at| slots[((number + 1 + at as u64) % PARTS as u64) as usize])
    }

    fn row(&self, name: &str, number: u64, now: Duration) -> Row {
        let parts = self.in_window(number);
        Row {
            name: name.to_owned(),
            priority: self.priority,
            alerts: parts.iter().map(|&count| u64::from(count)).sum(),
            ago: now.saturating_sub(self.last),
            parts,
            newest: self.newest.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A minute, so that a part is a second.
    fn model() -> Model {
        Model::new(Duration::from_secs(60))
    }

    fn alert(rule: &str) -> Alert {
        Alert::builder()
            .rule(rule)
            .priority(Priority::Notice)
            .build()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn counts(model: &Model, seconds: u64) -> Vec<(String, u64)> {
        let rows = model.rows(Grouping::Rule, at(seconds), "");
        rows.into_iter().map(|row| (row.name, row.alerts)).collect()
    }

    fn expected(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
        rows.iter()
            .map(|(name, alerts)| ((*name).to_owned(), *alerts))
            .collect()
    }

    #[test]
    fn the_most_frequent_is_first_and_leaves_with_its_window() {
        let mut model = model();
        for (rule, seconds) in [("A", 0), ("B", 1), ("B", 1), ("A", 30)] {
            model.add(&alert(rule), at(seconds));
        }
        assert_eq!(counts(&model, 30), expected(&[("A", 2), ("B", 2)]));
        assert_eq!(counts(&model, 59), expected(&[("A", 2), ("B", 2)]));
        assert_eq!(counts(&model, 60), expected(&[("B", 2), ("A", 1)]));
        assert_eq!(counts(&model, 61), expected(&[("A", 1)]));
        assert_eq!(counts(&model, 90), expected(&[]));
        assert_eq!(counts(&model, 1 << 40), expected(&[]));
        assert_eq!((model.total(), model.in_window(at(61))), (4, 1));
        model.add(&alert("A"), at(1 << 40));
        assert_eq!(counts(&model, 1 << 40), expected(&[("A", 1)]));
    }

    #[test]
    fn parts_are_in_the_order_of_time() {
        let mut model = model();
        for seconds in [100, 130, 130, 159] {
            model.add(&alert("A"), at(seconds));
        }
        let row = &model.rows(Grouping::Rule, at(159), "")[0];
        let mut parts = [0; PARTS];
        (parts[0], parts[30], parts[59]) = (1, 2, 1);
        assert_eq!(row.parts, parts);
        let row = &model.rows(Grouping::Rule, at(165), "")[0];
        assert_eq!((row.parts[24], row.parts[53], row.alerts), (2, 1, 3));
        assert_eq!(row.ago, at(6));
    }

    #[test]
    fn the_priority_is_the_most_urgent_of_the_window() {
        let mut model = model();
        let urgent = Alert::builder()
            .rule("A")
            .priority(Priority::Critical)
            .build();
        model.add(&urgent, at(0));
        model.add(&alert("A"), at(1));
        assert_eq!(
            model.rows(Grouping::Rule, at(1), "")[0].priority,
            Priority::Critical
        );
        model.add(&alert("A"), at(100));
        assert_eq!(
            model.rows(Grouping::Rule, at(100), "")[0].priority,
            Priority::Notice
        );
    }

    #[test]
    fn a_filter_matches_in_any_case() {
        let mut model = model();
        for rule in ["Terminal shell", "Write below etc"] {
            model.add(&alert(rule), at(0));
        }
        assert_eq!(model.rows(Grouping::Rule, at(0), "SHELL").len(), 1);
        assert_eq!(model.rows(Grouping::Priority, at(0), "notice")[0].alerts, 2);
    }

    #[test]
    fn any_number_of_names_takes_little_room() {
        let mut model = model();
        for number in 0..5000 {
            model.add(&alert(&format!("Rule {number}")), at(0));
        }
        let rows = model.rows(Grouping::Rule, at(0), "");
        assert_eq!(
            (rows.len(), rows[0].name.as_str(), rows[0].alerts),
            (MOST_GROUPS + 1, OTHERS, 4000)
        );
        // Later there is room again.
        model.add(&alert("New"), at(100));
        assert_eq!(counts(&model, 100), expected(&[("New", 1)]));
    }

    #[test]
    fn a_large_alert_is_counted_and_not_kept() {
        let mut model = model();
        model.add(&alert("A"), at(0));
        let row = |model: &Model| {
            model
                .rows(Grouping::Rule, at(0), "")
                .remove(0)
                .newest
                .unwrap()
        };
        assert!(matches!(*row(&model), Newest::Alert(_)));
        let large = Alert::builder()
            .rule("A")
            .output("x".repeat(LARGEST))
            .build();
        model.add(&large, at(0));
        assert!(matches!(*row(&model), Newest::TooLarge(size) if size > LARGEST));
    }
}
