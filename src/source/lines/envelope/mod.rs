//! What others put around the lines of Falco on their way to a file or a pipe: container runtimes,
//! syslog, journald, log collectors.
//!
//! Which of them it is, is found out line by line: an alert that stands alone is taken at once, and
//! only another line is looked into, layer by layer. A layer is known by its form, as what stands in
//! an alert may have been put there by whoever the alert is about. What is cut into parts is put
//! together for each stream. Nothing here reads or writes.

mod head;
mod kind;
mod logfmt;
mod noise;
mod object;
mod own;
mod pending;
mod scan;
mod syslog;
mod time;
mod unwrap;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::split::Line;
pub(crate) use kind::Envelope;
use kind::{Layers, Part};
use own::Own;
use pending::{AllPending, Context};

/// Makes a message of the text of an alert, or says why it is none.
pub(crate) type Parse = fn(&[u8]) -> Result<Vec<u8>, String>;

/// What came of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unwrapped {
    /// The message made of an alert.
    Alert(Vec<u8>),
    /// What begins or ends like an alert and is none.
    Damaged { text: Vec<u8>, problem: String },
    /// More bytes than an alert may have.
    TooLong(u64),
    /// The start of an alert that Falco wrote as text.
    Text(Vec<u8>),
    /// The start of a line that nobody knows.
    Unknown(Vec<u8>),
    /// The start of a line of Falco's log, or of another program.
    Skipped(Vec<u8>),
    /// Alerts are wrapped in these, which were not seen before.
    Found(Vec<Envelope>),
}

/// Where reading goes on after an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResumePoint<P> {
    /// After the alert's last line: what ends here or before was given.
    pub done: P,
    /// Before the first line of what is not whole yet, or the same.
    pub resume: P,
}

/// Takes alerts out of lines. `P` is a position between lines.
pub(crate) struct Unwrapper<P> {
    parse: Parse,
    most: usize,
    pending: AllPending<P>,
    outcomes: VecDeque<(Unwrapped, Option<ResumePoint<P>>)>,
    found: Layers,
    /// The stream whose last line was Falco's own, whose next may belong to it.
    own: Option<(u64, Own)>,
    /// Whether the last object was an envelope.
    objects: bool,
    /// Before the current line.
    begin: P,
}

impl<P: Copy> Unwrapper<P> {
    /// Alerts of at most `most` bytes, from `begin` on.
    pub(crate) fn new(parse: Parse, most: usize, begin: P) -> Unwrapper<P> {
        Unwrapper {
            parse,
            most,
            pending: AllPending::new(most),
            outcomes: VecDeque::new(),
            found: Layers::default(),
            own: None,
            objects: false,
            begin,
        }
    }

    /// Takes a line that ends at `end`. What comes of it is given by [`pop`](Unwrapper::pop).
    pub(crate) fn push(&mut self, line: Line, begin: P, end: P) {
        self.begin = begin;
        self.pending.next_line();
        let context = Context {
            key: 0,
            depth: 0,
            part: Part::Last,
            shared: false,
            layers: Layers::default(),
        };
        match line {
            Line::TooLong(bytes) => self.outcome(Unwrapped::TooLong(bytes)),
            Line::Whole(line) => self.text(&line, context),
        }
        while let Some(excess) = self.pending.take_excess() {
            self.give_up(excess);
        }
        self.place(begin, end);
    }

    /// Gives what is not whole as it is: nothing follows.
    pub(crate) fn finish(&mut self) {
        while let Some(pending) = self.pending.take_first() {
            self.give_up(pending);
        }
    }

    /// What came of the lines, and for an alert where reading goes on after it.
    pub(crate) fn pop(&mut self) -> Option<(Unwrapped, Option<ResumePoint<P>>)> {
        self.outcomes.pop_front()
    }

    /// Tells the alerts of one line where they end.
    fn place(&mut self, begin: P, end: P) {
        let resume = self.pending.first().map(|pending| pending.begin);
        let mut done = end;
        for (outcome, place) in self.outcomes.iter_mut().rev() {
            if matches!(outcome, Unwrapped::Alert(_)) {
                *place = Some(ResumePoint {
                    done,
                    resume: resume.unwrap_or(done),
                });
                // Those before the last come again if the last did not come.
                done = begin;
            }
        }
    }

    fn outcome(&mut self, outcome: Unwrapped) {
        self.outcomes.push_back((outcome, None));
    }

    /// What is found is told before the first alert that was wrapped in it.
    fn found(&mut self, context: Context) {
        let new: Vec<Envelope> = context.layers.without(self.found).collect();
        if !new.is_empty() {
            self.found = new.iter().fold(self.found, |found, one| found.with(*one));
            self.outcome(Unwrapped::Found(new));
        }
    }

    fn alert(&mut self, message: Vec<u8>, context: Context) {
        self.found(context);
        if self.own.is_some_and(|(key, _)| key == context.key) {
            self.own = None;
        }
        self.outcome(Unwrapped::Alert(message));
    }
}

/// Whether a text is an alert as Falco writes it where `json_output` is not true.
pub(crate) fn is_text_alert(text: &[u8]) -> bool {
    let start = text.get(..200).unwrap_or(text);
    own::of(&noise::clean(start)) == Some(Own::Alert)
}

/// Tells one stream from another.
fn stream(values: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    values.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
