//! Delivers alerts in order, and retries until each is delivered or refused for good.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::in_hand::{FailedTry, InHand};
use super::{Deliver, Delivery, Failure, Reason, RefusedAlert};
use crate::error::Error;
use crate::relay::dead_letters::{DeadLetters, GivenUp};
use crate::relay::identity::SinkIdentity;
use crate::relay::json_line::json_line;
use crate::relay::progress::Progress;
use crate::relay::shutdown::StopSignal;
use crate::relay::sink_queue::SinkQueue;
use crate::relay::spool::{Entry, Taken};

/// Pauses before another attempt: the first, and the longest that it doubles up to.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause that a sink can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// How much is taken out of the spool at once.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// How soon a batch that waits for alerts sees that the relay stops.
const DRAINING_SEEN: Duration = Duration::from_millis(250);

/// How many alerts in a row may be refused before a pause: at first, and at most after several. Those that
/// are behind them are not tried: it is the sink that takes nothing.
const FIRST_SUSPECTS: usize = 4;
const MOST_SUSPECTS: usize = 8192;

/// How many bytes they may have, where they are more than a few.
const SUSPECT_BYTES: usize = 16 << 20;
const FEW_SUSPECTS: usize = 64;

/// How many of them are tried again after a pause, in turn.
const RETRIED_AT_ONCE: usize = 64;

/// Delivers the alerts of the spool to one sink.
///
/// A refused alert is a suspect, until the sink takes one that follows. Then it is tried once more, and
/// given up if it is refused again. So is one that the sink fails on again and again, as by hanging up,
/// while it takes the others. A sink may also refuse everything, as one that has been restarted
/// with TLS does: then all alerts stay in the spool.
///
/// What is given up is a dead letter before it is confirmed.
pub(in crate::relay) struct Worker<D> {
    pub sink: D,
    pub name: Arc<str>,
    pub identity: SinkIdentity,
    pub queue: SinkQueue,
    pub progress: Arc<Progress>,
    pub dead_letters: Arc<DeadLetters>,
    pub stop: Arc<StopSignal>,
    /// The relay stops, and nothing waits for what may still arrive.
    pub draining: Arc<StopSignal>,
    pub labelled: bool,
}

/// How long to pause before another attempt, and how many suspects there may be then.
struct Backoff {
    pause: Duration,
    suspects: usize,
}

impl Backoff {
    const START: Backoff = Backoff {
        pause: FIRST_PAUSE,
        suspects: FIRST_SUSPECTS,
    };

    fn increase(&mut self) {
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.suspects = (self.suspects * 2).min(MOST_SUSPECTS);
    }
}

impl<D: Deliver> Worker<D> {
    /// Delivers until the stop, or until the spool is closed.
    pub(in crate::relay) fn run(mut self) {
        let mut in_hand = InHand::default();
        let mut backoff = Backoff::START;
        while !self.stop.is_stopped() {
            let failure = if is_too_many(&in_hand) || in_hand.undoubted() >= backoff.suspects {
                Failure::new(refusals(&in_hand))
            } else if in_hand.has_untried() {
                self.complete(&mut in_hand);
                match self.deliver(&mut in_hand) {
                    Ok(true) => {
                        backoff = Backoff::START;
                        continue;
                    }
                    Ok(false) => continue,
                    Err(failure) => failure,
                }
            } else {
                // A following alert may show that the suspects are at fault.
                let suspected = !in_hand.suspects().is_empty();
                let until = suspected.then(|| Instant::now() + backoff.pause);
                match self.queue.take(BATCH, BATCH_BYTES, until) {
                    Taken::Alerts(entries) => in_hand.add(entries),
                    Taken::TimedOut => {
                        self.report_failure(&refusals(&in_hand));
                        in_hand.retry_suspects(RETRIED_AT_ONCE);
                        backoff.increase();
                    }
                    Taken::Closed => return,
                }
                continue;
            };
            self.report_failure(&failure.problem);
            let asked = failure.retry_after.unwrap_or_default().min(LONGEST_ASKED);
            if self.stop.pause(backoff.pause.max(asked)) {
                return;
            }
            match failure.is_of_no_alert {
                true => in_hand.retry_others(),
                false => in_hand.retry_suspects(RETRIED_AT_ONCE),
            }
            backoff.increase();
        }
    }

    /// Waits for alerts that complete a batch, where the sink takes batches.
    fn complete(&self, in_hand: &mut InHand) {
        let Some(limits) = self.sink.batch_limits() else {
            return;
        };
        let end = in_hand.waits_since() + limits.delay;
        let most = limits.alerts.min(self.sink.batch_size());
        loop {
            let (alerts, bytes) = in_hand.untried_size();
            let is_complete = alerts >= most || bytes >= limits.bytes;
            let now = Instant::now();
            // Suspects are to be tried again soon.
            if is_complete || now >= end || !in_hand.suspects().is_empty() {
                return;
            }
            let until = match self.draining.is_stopped() {
                true => now,
                false => end.min(now + DRAINING_SEEN),
            };
            match self.queue.take(BATCH, BATCH_BYTES, Some(until)) {
                Taken::Alerts(entries) => in_hand.add(entries),
                Taken::TimedOut if until == now => return,
                Taken::TimedOut => {}
                Taken::Closed => return,
            }
        }
    }

    /// Delivers a batch. Returns whether the sink works: it has not only refused.
    fn deliver(&mut self, in_hand: &mut InHand) -> Result<bool, Failure> {
        let size = self.sink.batch_size().max(1);
        let batch = in_hand.untried(size);
        let first = batch.first().cloned();
        let began = Instant::now();
        self.progress.set_waiting_since(Some(began));
        let delivery = self.sink.deliver(batch);
        self.progress.set_waiting_since(None);
        let attempt = |failure: &Failure| FailedTry {
            took: began.elapsed(),
            timed_out: failure.timed_out,
        };
        let Delivery { handled, refused } = match (delivery, first) {
            // A sink that asks to be left alone is not failing on an alert.
            (Err(failure), Some(entry))
                if size == 1
                    && !failure.is_of_no_alert
                    && failure.retry_after.is_none()
                    && in_hand.is_stuck_at(entry.number, attempt(&failure)) =>
            {
                self.say_held_back(in_hand.held_back(), &failure.problem, &entry);
                Delivery {
                    handled: 1,
                    refused: vec![RefusedAlert {
                        number: entry.number,
                        reason: Reason::Failed(failure.problem),
                    }],
                }
            }
            (delivery, _) => delivery?,
        };
        if handled == 0 {
            return Err(Failure::new("it takes nothing"));
        }
        let mut refused = refused.into_iter().peekable();
        let (mut delivered, mut last_taken, mut unstored) = (0, None, None);
        for entry in in_hand.take_tried(handled) {
            match refused.next_if(|refusal| refusal.number == entry.number) {
                Some(RefusedAlert { reason, .. }) if in_hand.is_at_fault(&entry, &reason) => {
                    match self.give_up(&entry, &reason) {
                        Ok(()) => in_hand.given_up(entry.number),
                        Err(problem) => {
                            unstored = Some(problem);
                            in_hand.suspect(entry, reason);
                        }
                    }
                }
                Some(RefusedAlert { reason, .. }) => in_hand.suspect(entry, reason),
                None => {
                    delivered += 1;
                    last_taken = Some(entry.number);
                }
            }
        }
        if let Some(number) = last_taken {
            in_hand.taken(number);
        }
        self.progress.set_held_back(in_hand.held_back());
        self.progress.add_delivered(delivered);
        self.queue.confirm(in_hand.settled());
        if let Some(problem) = unstored {
            self.report_failure(&problem);
            return Ok(delivered > 0);
        }
        let works = delivered > 0 || in_hand.suspects().is_empty();
        if works && self.progress.set_failing(None) {
            log::info!("{}: takes alerts again", self.name);
        }
        Ok(works)
    }

    /// Says so when there are more of them.
    fn say_held_back(&self, alerts: u64, problem: &str, entry: &Entry) {
        if alerts > self.progress.held_back() {
            let (name, alert) = (&self.name, beginning(entry));
            log::warn!(
                "{name}: fails on an alert ({problem}); others are delivered before it: {alert}"
            );
        }
        self.progress.set_held_back(alerts);
    }

    fn report_failure(&self, problem: &str) {
        if !self.progress.set_failing(Some(problem)) {
            log::warn!(
                "{}: {problem}; alerts wait in the spool, and delivery is retried",
                self.name
            );
        }
    }

    /// Makes an alert a dead letter, and counts it as refused.
    fn give_up(&self, entry: &Entry, reason: &Reason) -> Result<(), String> {
        let reason = match reason {
            Reason::NoAlert(Error::Undecodable { problem, .. }) => format!("no alert: {problem}"),
            Reason::NoAlert(error) => format!("no alert: {error}"),
            Reason::Answer { .. } | Reason::Failed(_) => reason.to_string(),
        };
        self.dead_letters.put(&GivenUp {
            sink: Some(&self.name),
            identity: self.identity.has_secret().then(|| self.identity.stored()),
            source: &entry.source,
            reason: &reason,
            format: entry.format,
            bytes: &entry.bytes,
            labelled: self.labelled,
        })?;
        self.progress.add_refused(1);
        Ok(())
    }
}

/// Whether so much was refused that no more is tried.
fn is_too_many(in_hand: &InHand) -> bool {
    let (alerts, bytes) = in_hand.suspects_size();
    alerts >= MOST_SUSPECTS || alerts >= FEW_SUSPECTS && bytes >= SUSPECT_BYTES
}

/// How much of an alert is shown that a sink fails on.
const SHOWN: usize = 500;

/// The beginning of an alert's JSON.
fn beginning(entry: &Entry) -> String {
    let mut text = json_line(entry, false).unwrap_or_else(|error| error.to_string());
    if text.len() > SHOWN {
        let end = (0..=SHOWN).rfind(|end| text.is_char_boundary(*end));
        text = format!("{} ...", text.get(..end.unwrap_or(0)).unwrap_or_default());
    }
    text
}

/// Why a sink that has refused all of late counts as failing.
fn refusals(in_hand: &InHand) -> String {
    match in_hand.suspects() {
        [] => "it refuses alerts".to_owned(),
        [.., (_, Reason::Failed(problem))] => problem.clone(),
        [(_, reason)] => format!("it refuses an alert with {reason}"),
        [.., (_, reason)] => format!("it refuses every alert with {reason}"),
    }
}
