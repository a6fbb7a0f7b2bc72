//! Reads alerts, on a thread of its own, so that no key waits for Falco and no alert for the terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::TryRecvError;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use falco_client::{Alert, Alerts, Error};

use super::model::Model;
use crate::args::Filter;
use crate::commands::keep::Keep;
use crate::counts::Summary;
use crate::diagnostics::{Code, Failure, InputErrors};
use crate::lock::lock;

pub struct TopReader {
    pub model: Arc<Mutex<Model>>,
    pub start: Instant,
    pub filter: Filter,
    pub keep: Option<Keep>,
    /// Alerts that are in the file, or need not be.
    pub safe: Arc<AtomicU64>,
    /// Alerts that are not yet.
    pub pending: u64,
    pub summary: Summary,
    pub errors: InputErrors,
    pub code: Code,
}

impl TopReader {
    /// Reads to the end of the sequence.
    pub fn run(mut self, alerts: &mut Alerts) -> (TopReader, Result<(), Failure>) {
        let read = self.read(alerts);
        (self, read)
    }

    fn read(&mut self, alerts: &mut Alerts) -> Result<(), Failure> {
        while let Some(next) = self.next(alerts)? {
            match next {
                Ok(alert) => self.add(&alert)?,
                Err(error) => {
                    let code = self.errors.report(&error);
                    self.fail(code);
                }
            }
            self.pending += 1;
        }
        Ok(())
    }

    /// Before it waits, all that was read is in the file; while alerts are waiting they share writes.
    fn next(&mut self, alerts: &mut Alerts) -> Result<Option<Result<Alert, Error>>, Failure> {
        match alerts.try_recv() {
            Ok(next) => Ok(Some(next)),
            Err(TryRecvError::Disconnected) => self.flush().map(|()| None),
            Err(TryRecvError::Empty) => {
                self.flush()?;
                Ok(alerts.recv().ok())
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if let Some(keep) = &mut self.keep {
            keep.flush()?;
        }
        let pending = std::mem::take(&mut self.pending);
        self.safe.fetch_add(pending, Ordering::Relaxed);
        Ok(())
    }

    fn add(&mut self, alert: &Alert) -> Result<(), Failure> {
        if let Some(keep) = &mut self.keep {
            keep.write(alert)?;
        }
        if self.filter.matches(alert) {
            lock(&self.model).add(alert, self.start.elapsed());
            self.summary.add(alert);
        }
        Ok(())
    }

    fn fail(&mut self, code: Code) {
        self.code = match (self.code, code) {
            (Code::Done | Code::Undecodable, Code::Undecodable) => Code::Undecodable,
            _ => Code::Failed,
        };
    }
}
