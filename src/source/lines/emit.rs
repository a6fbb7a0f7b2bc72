//! Makes messages and errors of lines, for an intake.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::envelope::{ResumePoint, Unwrapped, Unwrapper};
use super::split::Line;
use super::tail::Span;
use super::unknown_lines::UnknownLines;
use crate::alert::{Alert, Format};
use crate::delivery::{Intake, Message};
use crate::error::Error;
use crate::json::line_message;
use crate::position::Position;

/// What an envelope may add to an alert's line.
const ENVELOPE: usize = 64 * 1024;

/// How many alerts, and bytes of them, are put together at most.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// The longest line to split off, where an alert has at most `most` bytes.
pub(super) fn longest_line(most: usize) -> usize {
    most.saturating_add(ENVELOPE)
}

/// Takes the lines of one source, and puts what they hold into an intake.
pub(super) struct Emitter {
    unwrapper: Unwrapper<Option<Position>>,
    others: UnknownLines,
    endpoint: String,
    most: usize,
    intake: Arc<Intake>,
    /// Alerts that are not put yet, and their bytes.
    batch: Vec<Message>,
    batch_bytes: usize,
    /// The time of the last alert, as the message that has nothing else.
    last_time: Vec<u8>,
}

impl Emitter {
    pub(super) fn new(intake: Arc<Intake>, endpoint: String, most: usize) -> Emitter {
        Emitter {
            unwrapper: Unwrapper::new(line_message, most, None),
            others: UnknownLines::new(endpoint.clone()),
            endpoint,
            most,
            intake,
            batch: Vec::new(),
            batch_bytes: 0,
            last_time: Vec::new(),
        }
    }

    /// When the last alert happened, in nanoseconds since the epoch.
    pub(super) fn last_time(&self) -> Option<u64> {
        let alert = Alert::from_bytes(&*self.last_time).ok()?;
        let since = alert.time().duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_nanos())
            .ok()
            .filter(|&time| time > 0)
    }

    /// Takes a line, which is [flushed](Emitter::flush) with others. Of one that is not new only that is
    /// used which is still not whole.
    pub(super) fn put(&mut self, line: Line, span: Option<Span>) {
        let begin = span.map(|span| span.begin);
        self.unwrapper.push(line, begin, span.map(|span| span.end));
        let is_new = span.is_none_or(|span| span.is_new);
        while let Some((outcome, place)) = self.unwrapper.pop() {
            if is_new || matches!(outcome, Unwrapped::Found(_)) {
                self.outcome(outcome, place.and_then(position));
            }
        }
    }

    /// Puts what is left: nothing follows.
    pub(super) fn finish(&mut self) {
        self.unwrapper.finish();
        while let Some((outcome, _)) = self.unwrapper.pop() {
            self.outcome(outcome, None);
        }
        let error = self.others.end();
        self.item(error.map(|error| Err(Box::new(error))));
        self.close();
    }

    /// Says what is still to be said, where reading ends before the lines do.
    pub(super) fn close(&mut self) {
        self.flush();
        self.others.flush();
    }

    /// Puts the alerts of the lines before.
    pub(super) fn flush(&mut self) {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() && !self.intake.is_cut() {
            // Where nobody takes it, the loop of the reader ends.
            let _ = self.intake.put_all(batch);
        }
    }

    fn outcome(&mut self, outcome: Unwrapped, position: Option<Position>) {
        let intake = self.intake.clone();
        let counters = &intake.control().counters;
        let error = match outcome {
            Unwrapped::Alert(bytes) => {
                self.others.alert();
                self.last_time.clear();
                self.last_time.extend_from_slice(time_of(&bytes));
                let message = Message {
                    bytes,
                    format: Format::JsonLine,
                    position: position.map(Box::new),
                    number: 0,
                };
                return self.item(Some(Ok(message)));
            }
            Unwrapped::Damaged { text, problem } => Some(self.others.damaged(text, problem)),
            Unwrapped::TooLong(bytes) => {
                counters.refused();
                self.others.alert();
                Some(Error::TooLarge {
                    endpoint: self.endpoint.clone(),
                    size: Some(bytes),
                    limit: Some(self.most as u64),
                })
            }
            Unwrapped::Text(line) => {
                let error = self.others.text(line);
                if error.is_none() {
                    counters.undecodable();
                }
                error
            }
            Unwrapped::Unknown(line) => {
                counters.skipped();
                self.others.unknown(line)
            }
            Unwrapped::Skipped(line) => {
                counters.skipped();
                self.others.passed_over(&line);
                None
            }
            Unwrapped::Found(envelopes) => {
                let names: Vec<&str> = envelopes.iter().map(|one| one.name()).collect();
                log::info!("{}: read as {}", self.endpoint, names.join(", "));
                None
            }
        };
        self.item(error.map(|error| Err(Box::new(error))));
    }

    fn item(&mut self, item: Option<Result<Message, Box<Error>>>) {
        match item {
            Some(Ok(message)) => {
                self.batch_bytes += message.bytes.len();
                self.batch.push(message);
                if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
                    self.flush();
                }
            }
            Some(Err(error)) => {
                self.flush();
                if !self.intake.is_cut() {
                    let _ = self.intake.put(Err(error));
                }
            }
            None => {}
        }
    }
}

/// The first field of a message, which is its time, if it has one.
fn time_of(message: &[u8]) -> &[u8] {
    const TAG: u8 = 1 << 3 | 2;
    match message {
        [TAG, length, ..] => message.get(..2 + usize::from(*length)).unwrap_or_default(),
        _ => &[],
    }
}

/// Where reading goes on. What began in a file before the one of the alert makes it go on there.
fn position(place: ResumePoint<Option<Position>>) -> Option<Position> {
    let (done, resume) = (place.done?, place.resume?);
    Some(done.starting_at(&resume).unwrap_or(resume))
}
