//! Falco's JSON as lines: of a file that grows and is rotated, or of standard input.

mod emit;
mod end;
pub(crate) mod envelope;
mod fingerprint;
mod follow;
mod gap;
mod gzip;
mod open;
mod rotated;
pub(crate) mod split;
mod tail;
mod unknown_lines;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Source, StartRequest};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::position::Position;

/// Lines to read, and how.
pub(crate) struct Lines {
    endpoint: Endpoint,
    /// The file to follow. None for standard input.
    file: Option<PathBuf>,
    /// The longest line.
    most: usize,
    /// How soon a file that has nothing new is looked at again.
    interval: std::ops::RangeInclusive<Duration>,
    closing_silence: Duration,
    /// Where reading a file begins.
    resume: Option<Position>,
}

impl Lines {
    pub(crate) fn of_file(config: &Config, path: PathBuf) -> Lines {
        Lines::new(config, Endpoint::File(path.clone()), Some(path))
    }

    pub(crate) fn of_stdin(config: &Config) -> Lines {
        Lines::new(config, Endpoint::Stdin, None)
    }

    fn new(config: &Config, endpoint: Endpoint, file: Option<PathBuf>) -> Lines {
        Lines {
            most: config.message_limit(&endpoint),
            endpoint,
            file,
            interval: (*config.request_interval).clone(),
            closing_silence: *config.closing_silence,
            resume: config.resume,
        }
    }
}

impl Source for Lines {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn start(self: Arc<Self>, request: StartRequest) -> Result<()> {
        follow::start(self, request)
    }
}

#[cfg(test)]
mod tests;
