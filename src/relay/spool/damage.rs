//! What has become of alerts, databases and files that are not as they were stored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::entry::DamagedAlert;
use super::store::{Rebuilt, StoreError};
use crate::relay::dead_letters::{DeadLetters, GivenUp};

/// The pause before another attempt to store everything anew, as a multiple of the time that one takes.
const PAUSE: u32 = 10;
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// What is seen of it from outside.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct DamageUsage {
    /// Alerts since the start that were damaged or could not be read.
    pub alerts: u64,
    /// How often everything was stored anew since the start.
    pub rebuilt: u64,
    /// Databases that were set aside and are still there, also before the start.
    pub set_aside: Vec<Arc<str>>,
}

pub(super) struct Damage {
    path: PathBuf,
    alerts: u64,
    rebuilt: u64,
    set_aside: Vec<PathBuf>,
    /// Damaged alerts that were given up, which the store does not know.
    given_up: BTreeSet<u64>,
    /// The attempt to store everything anew that runs or has failed.
    attempt: Option<Attempt>,
    dead_letters: Arc<DeadLetters>,
}

struct Attempt {
    start: Instant,
    /// When it may be tried again, and why it failed.
    failed: Option<(Instant, i32, String)>,
}

impl Damage {
    pub(super) fn new(
        path: PathBuf,
        set_aside: Vec<PathBuf>,
        dead_letters: Arc<DeadLetters>,
    ) -> Damage {
        for kept in &set_aside {
            log::warn!(
                "spool {}: {} was set aside before; /healthz fails until it is moved away",
                path.display(),
                kept.display()
            );
        }
        Damage {
            path,
            alerts: 0,
            rebuilt: 0,
            set_aside,
            given_up: BTreeSet::new(),
            attempt: None,
            dead_letters,
        }
    }

    /// Counts an alert that is damaged, and makes what is left of it a dead letter.
    ///
    /// # Errors
    ///
    /// Where that cannot be written now.
    pub(super) fn give_up(&mut self, damaged: &DamagedAlert) -> Result<(), StoreError> {
        if !self.given_up.insert(damaged.number) {
            return Ok(());
        }
        let kept = self.dead_letters.put(&GivenUp {
            sink: None,
            identity: None,
            source: &damaged.source,
            reason: "it is not in the spool as it was stored",
            format: damaged.format,
            bytes: &damaged.bytes,
            labelled: false,
        });
        if let Err(problem) = kept {
            self.given_up.remove(&damaged.number);
            return Err(StoreError::new(-6, problem));
        }
        self.alerts += 1;
        Ok(())
    }

    /// Notes that the store knows that it is lost.
    pub(super) fn forget(&mut self, number: u64) {
        self.given_up.remove(&number);
    }

    /// Counts alerts that were stored last before the start and are not there.
    pub(super) fn note_missing(&mut self, alerts: u64) {
        self.alerts += alerts;
        log::error!(
            "spool {}: the {alerts} alerts that were stored last are missing: its -wal was damaged, cut or \
             removed, or power was lost; what their sources still have is read again, the others are lost",
            self.path.display()
        );
    }

    /// Notes that the database is damaged which was found at the start.
    pub(super) fn begin(&self, error: &dyn std::error::Error) {
        let path = self.path.display();
        log::error!("spool {path}: its database is damaged: {error}; it is stored anew");
    }

    /// # Errors
    ///
    /// Where it has failed a short time ago.
    pub(super) fn begin_rebuild(&mut self, why: &str) -> Result<(), StoreError> {
        let now = Instant::now();
        match self
            .attempt
            .as_ref()
            .and_then(|attempt| attempt.failed.as_ref())
        {
            Some((again, code, problem)) if now < *again => {
                return Err(StoreError::new(*code, problem.clone()));
            }
            Some(_) => {}
            None => log::error!("spool {}: {why}; it is stored anew", self.path.display()),
        }
        self.attempt = Some(Attempt {
            start: now,
            failed: None,
        });
        Ok(())
    }

    pub(super) fn fail_rebuild(&mut self, error: &StoreError) {
        if let Some(attempt) = &mut self.attempt {
            let pause = (attempt.start.elapsed() * PAUSE).max(SHORTEST_PAUSE);
            attempt.failed = Some((Instant::now() + pause, error.code, error.to_string()));
        }
    }

    /// Reports what could be taken over.
    pub(super) fn end_rebuild(&mut self, rebuilt: &Rebuilt) {
        self.attempt = None;
        self.rebuilt += 1;
        self.alerts += rebuilt.lost;
        let path = self.path.display();
        let alerts = rebuilt.held.alerts.saturating_sub(rebuilt.lost);
        match rebuilt.lost {
            lost if rebuilt.may_have_more => log::error!(
                "spool {path}: {alerts} alerts were stored anew; {lost} could not be read, and how many \
                 others there were is not known"
            ),
            0 => log::warn!("spool {path}: {alerts} alerts were stored anew; none is lost"),
            lost => log::error!(
                "spool {path}: {alerts} alerts were stored anew; {lost} could not be read"
            ),
        }
        if let Some(kept) = &rebuilt.set_aside {
            log::error!(
                "spool {path}: what was there before is set aside as {}; /healthz fails until it is \
                 moved away",
                kept.display()
            );
            self.set_aside.push(kept.clone());
        }
    }

    pub(super) fn usage(&mut self) -> DamageUsage {
        self.set_aside.retain(|kept| is_there(kept));
        let shown = |kept: &PathBuf| kept.display().to_string().into();
        DamageUsage {
            alerts: self.alerts,
            rebuilt: self.rebuilt,
            set_aside: self.set_aside.iter().map(shown).collect(),
        }
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
