//! How many alerts came, by rule, priority, source, host and chosen output fields.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;

use super::metric_label::{label, label_names};
use crate::alert::Alert;
use crate::util::lock::lock;

/// How many combinations are counted apart: field values come from attackers, and each takes memory
/// here and in Prometheus.
const MOST_SERIES: usize = 2000;

#[derive(Debug)]
pub(super) struct EventCounts {
    fields: Vec<String>,
    series: Mutex<HashMap<Vec<String>, u64>>,
    /// Alerts beyond the combinations that are counted apart.
    others: AtomicU64,
}

/// Label names and, for each combination of their values, how many alerts had it.
pub(super) struct EventSeries {
    pub names: Vec<String>,
    pub counts: Vec<(Vec<String>, u64)>,
    pub others: u64,
}

impl EventCounts {
    pub(super) fn new(fields: Vec<String>) -> EventCounts {
        EventCounts {
            fields,
            series: Mutex::default(),
            others: AtomicU64::new(0),
        }
    }

    pub(super) fn count(&self, alert: &Alert) {
        let mut labels = vec![
            label(alert.rule()),
            alert.priority().to_string(),
            label(alert.source()),
            label(alert.hostname()),
        ];
        let field = |name: &String| label(alert.field(name).unwrap_or_default());
        labels.extend(self.fields.iter().map(field));
        let mut series = lock(&self.series);
        let full = series.len() >= MOST_SERIES;
        match series.get_mut(&labels) {
            Some(count) => *count += 1,
            None if full => {
                self.others.fetch_add(1, Ordering::Relaxed);
            }
            None => {
                series.insert(labels, 1);
            }
        }
    }

    pub(super) fn read(&self) -> EventSeries {
        let standard = ["rule", "priority", "source", "hostname"];
        let fields = self.fields.iter().map(String::as_str);
        let series = lock(&self.series);
        let mut counts: Vec<_> = series
            .iter()
            .map(|(labels, count)| (labels.clone(), *count))
            .collect();
        counts.sort_unstable();
        EventSeries {
            names: label_names(standard.into_iter().chain(fields)),
            counts,
            others: self.others.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_counted_by_labels_within_a_bound() {
        let counts = EventCounts::new(vec!["k8s.ns.name".to_owned()]);
        let alert = |rule: String| {
            let alert = Alert::builder().rule(rule).source("syscall");
            alert.field("k8s.ns.name", "payments").build()
        };
        counts.count(&alert("a".to_owned()));
        counts.count(&alert("a".to_owned()));
        for number in 0..MOST_SERIES {
            counts.count(&alert(number.to_string()));
        }
        let read = counts.read();
        assert_eq!(read.names[3..], ["hostname", "k8s_ns_name"]);
        assert_eq!(read.counts.len(), MOST_SERIES);
        assert_eq!(read.others, 1);
        let labels = ["a", "Emergency", "syscall", "", "payments"].map(str::to_owned);
        assert!(read.counts.contains(&(labels.to_vec(), 2)));
    }
}
