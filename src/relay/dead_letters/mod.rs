//! What becomes of an alert that a sink cannot take: it is put into a file beside the spool, or, without
//! a spool on disk, logged as a whole.

mod file;
mod letter;
mod lock;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use log::Level;

use crate::util::rate_limited_log::RateLimitedLog;
use file::Unstored;

pub(crate) use letter::GivenUp;
pub use {file::DeadLetterFile, letter::DeadLetter};

/// Where a relay puts alerts that it gives up.
pub(crate) struct DeadLetters {
    /// None without a spool on disk.
    file: Option<DeadLetterFile>,
    /// Alerts given up since the start.
    total: AtomicU64,
    /// Those of them that are in the log, and in no file.
    logged: AtomicU64,
    /// The file has reached its limit.
    full: AtomicBool,
    log: RateLimitedLog,
}

/// What of them is seen from outside.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct DeadLetterUsage {
    /// Alerts in the file now, also those of earlier relays.
    pub in_file: u64,
    pub total: u64,
    pub logged: u64,
    pub full: bool,
}

impl DeadLetters {
    /// In this folder, which the spool creates.
    pub(crate) fn new(spool: Option<&Path>) -> DeadLetters {
        DeadLetters {
            file: spool.map(DeadLetterFile::in_folder),
            total: AtomicU64::new(0),
            logged: AtomicU64::new(0),
            full: AtomicBool::new(false),
            log: RateLimitedLog::new(module_path!(), "dead letters"),
        }
    }

    /// Takes an alert that is given up. When it returns, the alert is on disk, or else in the log.
    ///
    /// # Errors
    ///
    /// Why the file cannot be written. The alert is to be kept, and this to be tried again: it is
    /// neither stored nor logged.
    pub(crate) fn put(&self, given_up: &GivenUp<'_>) -> Result<(), String> {
        let line = given_up.line();
        let stored = match &self.file {
            None => Ok(false),
            Some(file) => match file.append(line.as_bytes()) {
                Ok(()) => Ok(true),
                Err(Unstored::Full) => Ok(false),
                Err(Unstored::Failed(error)) => Err(format!(
                    "{} cannot be written: {error}",
                    file.path().display()
                )),
            },
        }?;
        self.total.fetch_add(1, Ordering::Relaxed);
        match (&self.file, stored) {
            (Some(file), true) => {
                self.full.store(false, Ordering::Relaxed);
                self.log.log(
                    Level::Error,
                    "alerts that were given up",
                    format_args!(
                        "{given_up}; it is kept in {}: {}",
                        file.path().display(),
                        given_up.content()
                    ),
                );
            }
            (file, _) => {
                self.logged.fetch_add(1, Ordering::Relaxed);
                if let Some(file) = file {
                    self.report_full(file);
                }
                // Nobody else has it any more.
                log::error!("{given_up}: {}", line.trim_end());
            }
        }
        Ok(())
    }

    fn report_full(&self, file: &DeadLetterFile) {
        if !self.full.swap(true, Ordering::Relaxed) {
            log::error!(
                "{} is full: alerts that are given up are logged instead, until some are sent or \
                 removed",
                file.path().display()
            );
        }
    }

    /// The file, if there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(DeadLetterFile::path)
    }

    pub(crate) fn usage(&self) -> DeadLetterUsage {
        DeadLetterUsage {
            in_file: self.file.as_ref().map_or(0, DeadLetterFile::count),
            total: self.total.load(Ordering::Relaxed),
            logged: self.logged.load(Ordering::Relaxed),
            full: self.full.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests;
