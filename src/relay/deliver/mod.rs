//! Delivers the alerts of the spool to a sink that answers for what it was given.

mod in_hand;
mod worker;

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::relay::json_line::json_line;
use crate::relay::spool::Entry;

pub(super) use worker::Worker;

/// A sink that is given alerts and says what has become of them.
pub(super) trait Deliver: Send + 'static {
    /// How many alerts it is given at once, at most.
    fn batch_size(&self) -> usize;

    /// When a batch is complete, if alerts wait for others.
    fn batch_limits(&self) -> Option<BatchLimits> {
        None
    }

    /// Delivers a batch, or as many of its alerts as can be.
    ///
    /// # Errors
    ///
    /// Where the sink takes nothing now. The batch is tried again.
    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure>;
}

/// A batch is complete with any of these.
pub(super) struct BatchLimits {
    pub alerts: usize,
    pub bytes: usize,
    pub delay: Duration,
}

/// What has become of a batch.
pub(super) struct Delivery {
    /// How many of its alerts, from the first on, the sink has taken or refused. The others are tried
    /// again.
    pub handled: usize,
    /// Those that it has refused, in ascending order.
    pub refused: Vec<RefusedAlert>,
}

impl Delivery {
    /// All of a batch was taken, except for these.
    pub(super) fn all_except(batch: &[Entry], refused: Vec<RefusedAlert>) -> Delivery {
        Delivery {
            handled: batch.len(),
            refused,
        }
    }
}

/// An alert that a sink did not take, though it would have taken another.
pub(super) struct RefusedAlert {
    /// Its number in the spool.
    pub number: u64,
    pub reason: Reason,
}

pub(super) enum Reason {
    /// It is no alert, and so has no JSON.
    NoAlert(Error),
    /// The sink has failed on it again and again, by this text, and has taken others.
    Failed(String),
    /// What the sink has answered: the fault of the alert, or of the sink, which may refuse
    /// everything.
    Answer {
        status: String,
        /// The beginning of the answer's text.
        excerpt: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoAlert(error) => error.fmt(f),
            Reason::Failed(problem) => f.write_str(problem),
            Reason::Answer { status, excerpt } if excerpt.is_empty() => f.write_str(status),
            Reason::Answer { status, excerpt } => {
                write!(f, "{status} ({})", excerpt.escape_debug())
            }
        }
    }
}

/// Why a sink takes nothing now.
pub(super) struct Failure {
    pub problem: String,
    /// How long the sink asks to be left alone.
    pub retry_after: Option<Duration>,
    /// No alert is at fault, even if the sink takes others meanwhile.
    pub is_of_no_alert: bool,
    /// The sink has not answered in time.
    pub timed_out: bool,
}

impl Failure {
    pub(super) fn new(problem: impl Into<String>) -> Failure {
        Failure {
            problem: problem.into(),
            retry_after: None,
            is_of_no_alert: false,
            timed_out: false,
        }
    }
}

/// The alerts of a batch as lines of JSON, each with its line break, and those that have none.
pub(super) fn json_lines(batch: &[Entry], labelled: bool) -> (Vec<u8>, Vec<RefusedAlert>) {
    let (mut lines, mut refused) = (Vec::new(), Vec::new());
    for entry in batch {
        match json_line(entry, labelled) {
            Ok(line) => {
                lines.extend_from_slice(line.as_bytes());
                lines.push(b'\n');
            }
            Err(error) => refused.push(RefusedAlert {
                number: entry.number,
                reason: Reason::NoAlert(error),
            }),
        }
    }
    (lines, refused)
}

#[cfg(test)]
mod tests;
