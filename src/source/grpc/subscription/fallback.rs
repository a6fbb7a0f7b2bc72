//! Fetches alerts for a subscription that Falco accepts and does not serve.
//!
//! Falco serves ten subscriptions for each of its `grpc.threadiness`, and lets others wait without
//! an error, just as it lets one that it serves wait while there are no alerts. A `get` distinguishes
//! the two: a subscription that is served would have brought what the `get` brings. Its alerts are
//! delivered in place of the subscription's.

use std::time::{Duration, Instant};

/// From the subscription to the first `get`, and between two for one that is not served.
const SHORTEST: Duration = Duration::from_secs(1);
/// Between two for one that may only have no alerts.
const LONGEST: Duration = Duration::from_secs(16);
/// A `get` that is served begins to answer at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// One `get` may catch what the subscription was just about to bring.
const PROOF: u32 = 2;

pub(crate) struct Fallback {
    /// Long enough that the subscription has sent a request for what a `get` finds.
    shortest: Duration,
    pause: Duration,
    /// How many calls of `get` have found alerts.
    finds: u32,
    state: FetchState,
}

enum FetchState {
    Idle { until: Instant },
    Fetching { found: bool, answer: AnswerState },
}

/// The answer to a `get`, without which the `get` is not served either.
enum AnswerState {
    Awaited {
        until: Instant,
    },
    /// Overdue: the server is probed, as it may be stalled.
    Probing,
    /// It has come, or is not missed any more.
    Settled,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FallbackStep {
    /// Call `get`.
    Fetch,
    /// Probe the server with this timeout.
    Probe(Duration),
}

impl Fallback {
    /// `interval` is the longest between two requests of the subscription.
    pub(crate) fn new(interval: Duration, now: Instant) -> Fallback {
        let shortest = SHORTEST.max(interval * 2);
        Fallback {
            shortest,
            pause: shortest,
            finds: 0,
            state: FetchState::Idle {
                until: now + shortest,
            },
        }
    }

    /// For the next subscription. A `get` that is open goes on.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.pause = self.shortest;
        self.finds = 0;
        match &mut self.state {
            FetchState::Idle { until } => *until = now + self.shortest,
            FetchState::Fetching { found, .. } => *found = false,
        }
    }

    /// The server is gone, and what was in flight with it.
    pub(crate) fn abandon(&mut self, now: Instant) {
        self.state = FetchState::Idle {
            until: now + self.pause,
        };
    }

    /// Whether a `get` is open, so that alerts may be in flight.
    pub(crate) fn is_fetching(&self) -> bool {
        matches!(self.state, FetchState::Fetching { .. })
    }

    /// A new `get` is called only where that is `allowed`.
    pub(crate) fn deadline(&self, allowed: bool) -> Option<Instant> {
        match self.state {
            FetchState::Idle { until } if allowed => Some(until),
            FetchState::Fetching {
                answer: AnswerState::Awaited { until },
                ..
            } => Some(until),
            FetchState::Idle { .. } | FetchState::Fetching { .. } => None,
        }
    }

    pub(crate) fn timeout(&mut self, allowed: bool, now: Instant) -> Option<FallbackStep> {
        if self.deadline(allowed).is_none_or(|deadline| now < deadline) {
            return None;
        }
        match &mut self.state {
            FetchState::Idle { .. } => {
                let until = now + ANSWER_TIMEOUT;
                self.state = FetchState::Fetching {
                    found: false,
                    answer: AnswerState::Awaited { until },
                };
                Some(FallbackStep::Fetch)
            }
            FetchState::Fetching { answer, .. } => {
                *answer = AnswerState::Probing;
                Some(FallbackStep::Probe(ANSWER_TIMEOUT))
            }
        }
    }

    /// The `get` has brought an alert.
    pub(crate) fn message(&mut self) {
        if let FetchState::Fetching { found, answer } = &mut self.state {
            *found = true;
            *answer = AnswerState::Settled;
        }
    }

    /// The `get` has ended; `too_large` if because of an alert that was too large. Returns whether
    /// it proves that the subscription is not served.
    pub(crate) fn ended(&mut self, too_large: bool, now: Instant) -> bool {
        if let FetchState::Fetching { found, .. } = self.state {
            self.finds += u32::from(found || too_large);
        }
        self.pause = match self.finds {
            0 => (self.pause * 2).min(LONGEST.max(self.shortest)),
            _ => self.shortest,
        };
        self.state = FetchState::Idle {
            until: now + self.pause,
        };
        self.finds >= PROOF
    }

    /// Returns whether that proves that the subscription is not served: the `get` is not either, by
    /// a server that answers.
    pub(crate) fn probed(&mut self, result: &grpcio::Result<()>) -> bool {
        match &mut self.state {
            FetchState::Fetching { answer, .. } if matches!(answer, AnswerState::Probing) => {
                *answer = AnswerState::Settled;
                result.is_ok()
            }
            FetchState::Idle { .. } | FetchState::Fetching { .. } => false,
        }
    }
}
