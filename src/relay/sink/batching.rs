//! How many alerts a request has.

use std::time::Duration;

use crate::error::{Error, Result};

/// The most alerts of a batch: what a sink may get twice after a crash.
const MOST_ALERTS: usize = 1000;
const MOST_BYTES: usize = 64 << 20;
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// Several alerts in one request, for [`Sink::batching`](super::Sink::batching).
///
/// A batch that a sink refuses (400, 413, 415, 422) is sent again in smaller parts, down to single alerts,
/// so that one that cannot be taken costs no other. A sink that takes a part of what it refuses gets
/// that part twice. After 413 batches stay smaller; after a failure, as when the sink hangs up, as many
/// alerts as were in the batch are sent one by one.
#[derive(Clone, Copy, Debug)]
#[must_use = "give it to Sink::batching"]
pub struct Batching {
    pub(super) format: BatchFormat,
    pub(super) alerts: usize,
    pub(super) bytes: usize,
    pub(super) delay: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BatchFormat {
    /// `[{…},{…}]`.
    Array,
    /// One on a line.
    Lines,
}

impl Batching {
    /// A JSON array of alerts, as `application/json`. Default: up to 100 alerts and 1 MiB, sent at the
    /// latest 1 s after the first alert.
    pub fn array() -> Batching {
        Batching {
            format: BatchFormat::Array,
            alerts: 100,
            bytes: 1 << 20,
            delay: Duration::from_secs(1),
        }
    }

    /// An alert on each line, as `application/x-ndjson`. The defaults are those of
    /// [`array`](Batching::array).
    pub fn lines() -> Batching {
        Batching {
            format: BatchFormat::Lines,
            ..Batching::array()
        }
    }

    /// How many alerts a request has, at most: from 1 to 1,000.
    pub fn alerts(mut self, most: usize) -> Batching {
        self.alerts = most;
        self
    }

    /// How many bytes of JSON a request has, at most, where it has several alerts: from 1 to 64 MiB.
    pub fn bytes(mut self, most: usize) -> Batching {
        self.bytes = most;
        self
    }

    /// How long an alert may wait for others, up to 60 s. When the relay stops it does not wait.
    pub fn delay(mut self, longest: Duration) -> Batching {
        self.delay = longest;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let problem = if !(1..=MOST_ALERTS).contains(&self.alerts) {
            format!("{} alerts are impossible", self.alerts)
        } else if !(1..=MOST_BYTES).contains(&self.bytes) {
            format!("{} bytes are impossible", self.bytes)
        } else if self.delay > LONGEST_DELAY {
            format!("a delay of {} s is too long", self.delay.as_secs())
        } else {
            return Ok(());
        };
        let remedy = "give 1 to 1,000 alerts, 1 byte to 64 MiB, and at most 60 s";
        Err(Error::config("batching", (problem, remedy)))
    }
}
