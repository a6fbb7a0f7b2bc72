//! Falco's JSON as lines: of a file that grows and is rotated, or of standard input.

mod follow;
mod place;
mod split;
mod tail;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::config::Config;
use crate::endpoint::Endpoint;
use place::Place;

pub(crate) use follow::start;

/// Lines to read, and how.
pub(crate) struct Lines {
    endpoint: Endpoint,
    /// The longest line.
    most: usize,
    /// How soon a file that has nothing new is looked at again.
    interval: std::ops::RangeInclusive<Duration>,
    closing_silence: Duration,
    /// Where in the file reading begins. Default: at its beginning.
    from: Mutex<Option<Place>>,
}

impl Lines {
    pub(crate) fn new(config: &Config, endpoint: Endpoint) -> Lines {
        Lines {
            most: config.message_limit(&endpoint),
            endpoint,
            interval: config.request_interval.clone(),
            closing_silence: config.closing_silence,
            from: Mutex::default(),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Goes on where an earlier reading said that it was. Whether that says a place.
    #[cfg(feature = "relay")]
    pub(crate) fn go_on(&self, place: &str) -> bool {
        let place = place.parse().ok();
        let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        *from = place;
        from.is_some()
    }

    fn from(&self) -> Option<Place> {
        *self.from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
