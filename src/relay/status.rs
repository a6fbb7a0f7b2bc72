//! The state of a relay, for its owner and its metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::admission::Admission;
use super::dead_letters::{DeadLetterUsage, DeadLetters};
use super::event_counts::{EventCounts, EventSeries};
use super::progress::Progress;
use super::source::Names;
use super::spool::{SinkUsage, Spool};
use crate::alerts::Handle;
use crate::delivery::{Counters, State};
use crate::util::lock::lock;

/// The state of a relay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Each source, in the order in which they were given.
    pub sources: Vec<SourceStatus>,
    /// Each sink, in the order in which they were given.
    pub sinks: Vec<SinkStatus>,
    /// Alerts that came into the spool.
    pub stored: u64,
    /// Alerts that were dropped as the spool was full, and so did not reach every sink.
    pub dropped: u64,
    /// Alerts that the filter has left out, or the filters of all sinks.
    pub filtered: u64,
    /// Alerts in the spool now.
    pub spooled: u64,
    /// Their bytes.
    pub spooled_bytes: u64,
    /// Whether the spool is full, so that the sources are held up or alerts are dropped. It is until
    /// an eighth of it is free.
    pub spool_full: bool,
    /// Whether the disk of the spool is nearly full, which also holds up the sources.
    pub spool_disk_short: bool,
    /// Why the spool cannot store alerts now.
    pub spool_failing: Option<Arc<str>>,
    /// Alerts that were given up since the start, as a sink could not take them.
    pub given_up: u64,
    /// Those of them that are in the log as a whole, and in no file.
    pub given_up_logged: u64,
    /// Alerts in the file of dead letters now, also those of earlier relays.
    pub dead_letters: u64,
    /// Whether that file has reached its limit.
    pub dead_letters_full: bool,
    /// Alerts since the start that were damaged in the spool on disk, that could not be read there, or that
    /// were missing at the start.
    pub spool_damaged: u64,
    /// How often the spool was stored anew since the start: its files were removed, replaced or
    /// damaged.
    pub spool_rebuilt: u64,
    /// Databases in the spool's folder that were set aside as damaged, or that stood in the place of
    /// the relay's own. They are left for a person to inspect: until they are moved away, the
    /// relay is not healthy.
    pub spool_set_aside: Vec<Arc<str>>,
}

/// The state of a source of a relay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SourceStatus {
    /// What it is called: its endpoint, unless it was given a name.
    pub name: String,
    /// Its endpoint, with the real port.
    pub endpoint: String,
    /// The state of its sequence of alerts.
    pub state: State,
    /// What it has brought so far.
    pub counters: Counters,
    /// Messages since its last alert that are no alerts, as far as they were decoded.
    pub since_alert: u64,
}

/// How many messages in a row that are no alerts mean that there are no alerts any more.
const NO_ALERTS: u64 = 10;

impl SourceStatus {
    /// Whether what comes from it is no alert: all of it, or 10 and more since the last alert. Usually
    /// `json_output` is false in falco.yaml.
    pub fn brings_no_alerts(&self) -> bool {
        match self.counters.alerts {
            0 => self.since_alert > 0,
            _ => self.since_alert >= NO_ALERTS,
        }
    }
}

/// A source, and what it had brought when its alerts were last seen to have become more.
struct WatchedSource {
    names: Names,
    handle: Handle,
    alerts: u64,
    undecodable: u64,
}

impl WatchedSource {
    fn status(&mut self) -> SourceStatus {
        let counters = self.handle.counters();
        if counters.alerts != self.alerts {
            (self.alerts, self.undecodable) = (counters.alerts, counters.undecodable);
        }
        SourceStatus {
            name: self.names.name.to_string(),
            endpoint: self.names.endpoint.to_string(),
            state: self.handle.state(),
            counters,
            since_alert: counters.undecodable.saturating_sub(self.undecodable),
        }
    }
}

/// The state of a sink of a relay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SinkStatus {
    /// Its address, without what is secret in it.
    pub name: String,
    /// Alerts that it has taken.
    pub delivered: u64,
    /// Alerts that it has refused, and that were given up.
    pub refused: u64,
    /// Alerts that its filter has left out.
    pub filtered: u64,
    /// Alerts that were dropped before it got them, as the spool was full.
    pub dropped: u64,
    /// Alerts that it is still to get.
    pub waiting: u64,
    /// Streams of gRPC clients that were ended, as they took nothing for 30 s.
    pub cut: u64,
    /// Alerts that it fails on while it takes others, which are delivered before them.
    pub held_back: u64,
    /// For how long it has not answered what it was given last; zero if it has. After 10 s it counts as
    /// failing.
    pub unanswered: Duration,
    /// Why it takes nothing now.
    pub failing: Option<Arc<str>>,
}

/// A sink that has not answered for so long is failing.
const UNANSWERED: Duration = Duration::from_secs(10);

impl SinkStatus {
    fn of(name: &str, progress: &Progress, usage: &SinkUsage) -> SinkStatus {
        let unanswered = progress.unanswered();
        let silent = || {
            let seconds = unanswered.as_secs();
            let is_long = unanswered >= UNANSWERED;
            is_long.then(|| format!("it has not answered for {seconds} s").into())
        };
        SinkStatus {
            name: name.to_owned(),
            delivered: progress.delivered(),
            refused: progress.refused(),
            filtered: progress.filtered(),
            dropped: usage.dropped,
            waiting: usage.waiting,
            cut: progress.cut(),
            held_back: progress.held_back(),
            unanswered,
            failing: progress.failing().or_else(silent),
        }
    }
}

impl Status {
    /// Whether alerts can move: no source has ended, waits to reconnect or
    /// [brings no alerts](SourceStatus::brings_no_alerts), no sink is failing, and the spool takes alerts.
    pub fn is_healthy(&self) -> bool {
        let moves = |source: &SourceStatus| {
            matches!(source.state, State::Following | State::Connecting)
                && !source.brings_no_alerts()
        };
        self.sources.iter().all(moves)
            && self.sinks.iter().all(|sink| sink.failing.is_none())
            && !self.spool_full
            && !self.spool_disk_short
            && self.spool_failing.is_none()
            && self.spool_set_aside.is_empty()
    }

    /// What is wrong with the spool now.
    pub(super) fn spool_troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        if self.spool_full {
            troubles.push("it is full".to_owned());
        }
        if self.spool_disk_short {
            troubles.push("its disk is nearly full".to_owned());
        }
        if let Some(why) = &self.spool_failing {
            troubles.push(format!("alerts cannot be stored: {why}"));
        }
        for kept in &self.spool_set_aside {
            troubles.push(format!(
                "a damaged or foreign database is set aside, move it away: {kept}"
            ));
        }
        troubles
    }
}

/// What a status is read from.
pub(super) struct Watched {
    pub spool: Arc<Spool>,
    pub dead_letters: Arc<DeadLetters>,
    admission: Arc<Admission>,
    sources: Mutex<Vec<WatchedSource>>,
    sinks: Mutex<Vec<(Arc<str>, Arc<Progress>)>>,
    stopping: AtomicBool,
}

impl Watched {
    pub(super) fn new(
        spool: Arc<Spool>,
        admission: Arc<Admission>,
        dead_letters: Arc<DeadLetters>,
    ) -> Watched {
        Watched {
            spool,
            dead_letters,
            admission,
            sources: Mutex::default(),
            sinks: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    pub(super) fn source(&self, names: Names, handle: Handle) {
        let mut sources = lock(&self.sources);
        sources.push(WatchedSource {
            names,
            handle,
            alerts: 0,
            undecodable: 0,
        });
    }

    pub(super) fn sink(&self, name: Arc<str>) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        let mut sinks = lock(&self.sinks);
        sinks.push((name, progress.clone()));
        progress
    }

    pub(super) fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// What came by rule and other labels.
    pub(super) fn events(&self) -> Option<EventSeries> {
        self.admission.counts.as_ref().map(EventCounts::read)
    }

    pub(super) fn status(&self) -> Status {
        let spool = self.spool.usage();
        let DeadLetterUsage {
            in_file,
            total,
            logged,
            full,
        } = self.dead_letters.usage();
        let mut sources = lock(&self.sources);
        let sinks = lock(&self.sinks);
        Status {
            sources: sources.iter_mut().map(WatchedSource::status).collect(),
            sinks: sinks
                .iter()
                .zip(&spool.sinks)
                .map(|((name, progress), usage)| SinkStatus::of(name, progress, usage))
                .collect(),
            stored: spool.stored,
            dropped: spool.dropped,
            filtered: self.admission.filtered(),
            spooled: spool.alerts,
            spooled_bytes: spool.bytes,
            spool_full: spool.trouble.full,
            spool_disk_short: spool.trouble.disk_short,
            spool_failing: spool.trouble.failing,
            given_up: total,
            given_up_logged: logged,
            dead_letters: in_file,
            dead_letters_full: full,
            spool_damaged: spool.damage.alerts,
            spool_rebuilt: spool.damage.rebuilt,
            spool_set_aside: spool.damage.set_aside,
        }
    }
}
