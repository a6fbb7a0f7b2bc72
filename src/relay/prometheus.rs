//! The metrics of a relay as Prometheus reads them.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use super::event_counts::EventSeries;
use super::metric_label::{escaped, labels};
use super::status::Status;
use crate::delivery::State;

/// The state of a relay in Prometheus' text format 0.0.4.
pub(super) fn text(status: &Status) -> String {
    let mut text = Text(String::new());
    let names = labels(status.sources.iter().map(|one| one.name.as_str()));
    let sources = || names.iter().map(String::as_str).zip(&status.sources);
    let names = labels(status.sinks.iter().map(|one| one.name.as_str()));
    let sinks = || names.iter().map(String::as_str).zip(&status.sinks);
    text.each(
        "source_up",
        "gauge",
        "Whether alerts can come from there.",
        "source",
        sources().map(|(name, one)| (name, u64::from(one.state == State::Following))),
    );
    text.each(
        "source_alerts_total",
        "counter",
        "Alerts that came.",
        "source",
        sources().map(|(name, one)| (name, one.counters.alerts)),
    );
    text.each(
        "source_bytes_total",
        "counter",
        "Bytes of the alerts that came.",
        "source",
        sources().map(|(name, one)| (name, one.counters.bytes)),
    );
    text.each(
        "source_undecodable_total",
        "counter",
        "What came as an alert and is none.",
        "source",
        sources().map(|(name, one)| (name, one.counters.undecodable)),
    );
    text.each(
        "source_refused_total",
        "counter",
        "Requests that were refused, lines that were too long.",
        "source",
        sources().map(|(name, one)| (name, one.counters.refused)),
    );
    text.each(
        "source_skipped_total",
        "counter",
        "Lines that are no alerts and were skipped, as those of Falco's own log.",
        "source",
        sources().map(|(name, one)| (name, one.counters.skipped)),
    );
    text.each(
        "source_unauthorized_total",
        "counter",
        "Those of them that had no token, or another.",
        "source",
        sources().map(|(name, one)| (name, one.counters.unauthorized)),
    );
    text.each(
        "source_gaps_total",
        "counter",
        "How often reading a file could not continue where it ended.",
        "source",
        sources().map(|(name, one)| (name, one.counters.gaps)),
    );
    text.each(
        "source_held_total",
        "counter",
        "Posts that waited for more than 2 s, which holds up all outputs of their Falco.",
        "source",
        sources().map(|(name, one)| (name, one.counters.held)),
    );
    text.each(
        "source_reconnects_total",
        "counter",
        "Subscriptions made again.",
        "source",
        sources().map(|(name, one)| (name, one.counters.reconnects)),
    );
    let of_kafka = || sources().filter(|(_, one)| one.counters.partitions.is_some());
    text.each(
        "source_rebalances_total",
        "counter",
        "How often the group has divided the partitions of Kafka.",
        "source",
        of_kafka().map(|(name, one)| (name, one.counters.rebalances)),
    );
    text.each(
        "source_partitions",
        "gauge",
        "Partitions of Kafka that are read here.",
        "source",
        of_kafka().filter_map(|(name, one)| Some((name, one.counters.partitions?))),
    );
    text.each(
        "source_lag_alerts",
        "gauge",
        "Alerts of a log that are not read yet.",
        "source",
        sources().filter_map(|(name, one)| Some((name, one.counters.lag?))),
    );
    text.each(
        "source_last_alert_timestamp_seconds",
        "gauge",
        "When the last alert came.",
        "source",
        sources().filter_map(|(name, one)| {
            let since = one.counters.last_alert?.duration_since(UNIX_EPOCH).ok()?;
            Some((name, since.as_secs()))
        }),
    );
    text.one(
        "spool_alerts",
        "gauge",
        "Alerts in the spool.",
        status.spooled,
    );
    text.one(
        "spool_bytes",
        "gauge",
        "Bytes of the alerts in the spool.",
        status.spooled_bytes,
    );
    text.one(
        "spool_stored_total",
        "counter",
        "Alerts that came into the spool.",
        status.stored,
    );
    text.one(
        "spool_dropped_total",
        "counter",
        "Alerts dropped as the spool was full.",
        status.dropped,
    );
    text.one(
        "filtered_total",
        "counter",
        "Alerts left out by the filter.",
        status.filtered,
    );
    text.one(
        "spool_full",
        "gauge",
        "Whether the spool is full.",
        u64::from(status.spool_full),
    );
    text.one(
        "spool_disk_short",
        "gauge",
        "Whether the disk of the spool is nearly full.",
        u64::from(status.spool_disk_short),
    );
    text.one(
        "spool_failing",
        "gauge",
        "Whether the spool cannot store alerts.",
        u64::from(status.spool_failing.is_some()),
    );
    text.one(
        "dead_letters",
        "gauge",
        "Alerts in the file of dead letters.",
        status.dead_letters,
    );
    text.one(
        "dead_letters_total",
        "counter",
        "Alerts given up, as a sink could not take them.",
        status.given_up,
    );
    text.one(
        "dead_letters_logged_total",
        "counter",
        "Alerts given up that are in the log, and in no file.",
        status.given_up_logged,
    );
    text.one(
        "spool_damaged_total",
        "counter",
        "Alerts in the spool that were damaged, could not be read or are missing.",
        status.spool_damaged,
    );
    text.one(
        "spool_rebuilt_total",
        "counter",
        "How often the spool was stored anew.",
        status.spool_rebuilt,
    );
    text.one(
        "spool_set_aside",
        "gauge",
        "Databases that were set aside in the folder of the spool.",
        status.spool_set_aside.len() as u64,
    );
    text.each(
        "sink_up",
        "gauge",
        "Whether it takes alerts.",
        "sink",
        sinks().map(|(name, one)| (name, u64::from(one.failing.is_none()))),
    );
    text.each(
        "sink_delivered_total",
        "counter",
        "Alerts delivered.",
        "sink",
        sinks().map(|(name, one)| (name, one.delivered)),
    );
    text.each(
        "sink_refused_total",
        "counter",
        "Alerts refused and given up.",
        "sink",
        sinks().map(|(name, one)| (name, one.refused)),
    );
    text.each(
        "sink_filtered_total",
        "counter",
        "Alerts left out by the filter of the sink.",
        "sink",
        sinks().map(|(name, one)| (name, one.filtered)),
    );
    text.each(
        "sink_dropped_total",
        "counter",
        "Alerts dropped before the sink got them, as the spool was full.",
        "sink",
        sinks().map(|(name, one)| (name, one.dropped)),
    );
    text.each(
        "sink_streams_cut_total",
        "counter",
        "Streams of gRPC clients ended, as they took nothing.",
        "sink",
        sinks().map(|(name, one)| (name, one.cut)),
    );
    text.each(
        "sink_held_back_alerts",
        "gauge",
        "Alerts that it fails on, while others are delivered before them.",
        "sink",
        sinks().map(|(name, one)| (name, one.held_back)),
    );
    text.each(
        "sink_unanswered_seconds",
        "gauge",
        "For how long it has not answered what it was given last.",
        "sink",
        sinks().map(|(name, one)| (name, one.unanswered.as_secs())),
    );
    text.each(
        "sink_waiting_alerts",
        "gauge",
        "Alerts that it is still to get.",
        "sink",
        sinks().map(|(name, one)| (name, one.waiting)),
    );
    text.0
}

/// Alerts by rule and other labels, also under the name that falco-exporter gave them.
pub(super) fn events(series: &EventSeries) -> String {
    let mut text = Text(String::new());
    text.head("alerts_total", "counter", "Alerts that came.");
    for name in ["falco_client_alerts_total", "falco_events"] {
        if name == "falco_events" {
            text.0
                .push_str("# HELP falco_events Alerts that came.\n# TYPE falco_events counter\n");
        }
        for (values, count) in &series.counts {
            let labels: Vec<_> = series
                .names
                .iter()
                .zip(values)
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            let _ = writeln!(text.0, "{name}{{{}}} {count}", labels.join(","));
        }
    }
    text.one(
        "alerts_other_total",
        "counter",
        "Alerts beyond the combinations of labels that are counted apart.",
        series.others,
    );
    text.0
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let name = format!("falco_client_{name}");
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "falco_client_{name} {value}");
    }

    fn each<'a>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'a str, u64)>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            let of = escaped(of);
            let _ = writeln!(self.0, "falco_client_{name}{{{label}=\"{of}\"}} {value}");
        }
    }
}
