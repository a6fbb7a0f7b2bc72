//! What was measured, as text and as JSON.

use std::fmt;
use std::time::{Duration, SystemTimeError};

use hdrhistogram::Histogram;
use serde_json::{json, Value};

use crate::escape::Escaped;

#[derive(Default)]
pub struct Backlog {
    pub alerts: u64,
    pub bytes: u64,
    pub seconds: Duration,
    pub cpu: Duration,
}

impl Backlog {
    fn to_json(&self) -> Value {
        json!({
            "alerts": self.alerts,
            "bytes": self.bytes,
            "seconds": self.seconds.as_secs_f64(),
            "alerts_per_second": rate(self.alerts, self.seconds),
            "cpu_seconds": self.cpu.as_secs_f64(),
        })
    }
}

impl fmt::Display for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "get    {} alerts, {:.1} MB, in {:.3?}",
            self.alerts,
            self.bytes as f64 / 1e6,
            self.seconds
        )?;
        if self.alerts == 0 {
            return Ok(());
        }
        writeln!(
            f,
            "       {:.0} alerts/s, {:.2} s of CPU per million",
            rate(self.alerts, self.seconds),
            self.cpu.as_secs_f64() * 1e6 / self.alerts as f64
        )
    }
}

pub struct WatchFigures {
    /// Microseconds.
    latency: Histogram<u64>,
    /// Alerts with a time in the future, which have no latency.
    early: u64,
    /// Alerts from before the subscription.
    pub before: u64,
    pub seconds: Duration,
    pub cpu: Duration,
}

/// The longest latency, in microseconds. Three digits of each are kept.
const LONGEST: u64 = 86_400_000_000;

impl WatchFigures {
    pub fn new() -> WatchFigures {
        WatchFigures {
            latency: Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds"),
            early: 0,
            before: 0,
            seconds: Duration::ZERO,
            cpu: Duration::ZERO,
        }
    }

    pub fn add(&mut self, latency: Result<Duration, SystemTimeError>) {
        let Ok(latency) = latency else {
            self.early += 1;
            return;
        };
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
        self.latency.saturating_record(micros.max(1));
    }

    pub fn alerts(&self) -> u64 {
        self.latency.len()
    }

    /// Name and milliseconds.
    fn percentiles(&self) -> [(&'static str, f64); 4] {
        [
            ("p50", 50.0),
            ("p99", 99.0),
            ("p99.9", 99.9),
            ("most", 100.0),
        ]
        .map(|(name, share)| {
            (
                name,
                self.latency.value_at_percentile(share) as f64 / 1000.0,
            )
        })
    }

    /// From and below, in milliseconds, and the number of alerts. Each is twice as wide as the one before,
    /// with bounds that are the histogram's own.
    fn buckets(&self) -> Vec<(f64, f64, u64)> {
        let mut from = 0;
        let mut buckets = Vec::new();
        let mut left = self.alerts();
        for to in (0..).map(|power| 500_u64 << power) {
            if left == 0 {
                break;
            }
            let count = self.latency.count_between(from, to - 1);
            left = left.saturating_sub(count);
            if count > 0 || !buckets.is_empty() {
                buckets.push((from as f64 / 1000.0, to as f64 / 1000.0, count));
            }
            from = to;
        }
        buckets
    }
}

pub struct Figures {
    /// None for the built-in Falco.
    pub endpoint: Option<String>,
    /// None where nothing is held.
    pub backlog: Option<Backlog>,
    pub watch: WatchFigures,
}

fn rate(alerts: u64, time: Duration) -> f64 {
    alerts as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
}

impl Figures {
    pub fn to_json(&self) -> Value {
        let Figures { backlog, watch, .. } = self;
        let latency: serde_json::Map<String, Value> = match watch.alerts() {
            0 => serde_json::Map::new(),
            _ => watch
                .percentiles()
                .map(|(name, ms)| (name.to_owned(), ms.into()))
                .into_iter()
                .collect(),
        };
        let histogram: Vec<Value> = watch
            .buckets()
            .into_iter()
            .map(|(from, to, alerts)| json!({ "from_ms": from, "below_ms": to, "alerts": alerts }))
            .collect();
        json!({
            "endpoint": self.endpoint,
            "backlog": backlog.as_ref().map(Backlog::to_json),
            "watch": {
                "alerts": watch.alerts(),
                "seconds": watch.seconds.as_secs_f64(),
                "alerts_per_second": rate(watch.alerts(), watch.seconds),
                "cpu_seconds": watch.cpu.as_secs_f64(),
                "early": watch.early,
                "before": watch.before,
                "latency_ms": latency,
                "histogram": histogram,
            },
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Figures { backlog, watch, .. } = self;
        match &self.endpoint {
            Some(endpoint) => writeln!(f, "{}", Escaped(endpoint))?,
            None => writeln!(f, "built-in Falco; CPU times include it")?,
        }
        writeln!(f)?;
        if let Some(backlog) = backlog {
            write!(f, "{backlog}")?;
            writeln!(f)?;
        }
        writeln!(
            f,
            "watch  {} alerts in {:.1?}, {:.1} alerts/s, {:.2} % of a core",
            watch.alerts(),
            watch.seconds,
            rate(watch.alerts(), watch.seconds),
            rate(1, watch.seconds) * watch.cpu.as_secs_f64() * 100.0
        )?;
        if watch.before > 0 {
            writeln!(f, "       and {} from before it began", watch.before)?;
        }
        if watch.early > 0 {
            writeln!(
                f,
                "       and {} with a time in the future: the clocks differ",
                watch.early
            )?;
        }
        if watch.alerts() == 0 {
            return Ok(());
        }
        f.write_str("       latency")?;
        for (at, (name, ms)) in watch.percentiles().into_iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma} {name} {ms:.1} ms")?;
        }
        writeln!(f)?;
        writeln!(f)?;
        let buckets = watch.buckets();
        let most = buckets.iter().map(|bucket| bucket.2).max().unwrap_or(1);
        for (from, to, alerts) in buckets {
            let bar = "#".repeat((alerts * 40).div_ceil(most) as usize);
            writeln!(f, "{from:>9.1} to {to:>9.1} ms {alerts:>9} {bar}")?;
        }
        Ok(())
    }
}
