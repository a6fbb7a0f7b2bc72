//! The phases of a subscription, and what each of them owns.

use std::time::{Duration, Instant};

use super::cadence::Cadence;
use super::drain::Drain;
use super::earliest;
use super::liveness::Liveness;
use crate::error::Error;
use crate::source::grpc::rpc::{Generation, Rpc};

pub(super) enum Phase {
    /// A call is open.
    Open(OpenCall),
    /// A call to a Falco before 0.24 has brought what was queued. The next one follows when the
    /// cadence says.
    Polling(Session),
    /// The subscription is lost. The driver waits until the next call can be made.
    Waiting,
    /// No more is requested. What is in flight is taken to its end.
    Ending(Ending),
    /// Nothing follows.
    Ended,
}

/// The calls from a connection until it is lost.
pub(super) struct Session {
    pub generation: Generation,
    /// The generation that Falco may be of, should it not have the service of this one.
    pub alternative: Option<Generation>,
    pub cadence: Cadence,
    pub liveness: Liveness,
}

pub(super) struct OpenCall {
    pub session: Session,
    pub rpc: Rpc,
    pub since: Instant,
    pub progress: CallProgress,
    /// What the call will end with.
    pub failure: Option<Error>,
}

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallProgress {
    /// No request was written yet, or the server has refused it.
    Requested,
    /// The first request was written. The server may refuse it until then.
    Settling { until: Instant },
    /// The server has not refused.
    Accepted,
    /// Falco accepts the subscription and does not serve it.
    Unserved,
    /// An earlier call to the same Falco, before 0.24, has ended in order.
    Polled,
    /// The call has brought a message.
    Delivering,
}

/// A subscription that was accepted for so long was served, though it brought nothing: a refusal
/// may come late, as through a proxy that has to find the server first.
const SERVED_AFTER: Duration = Duration::from_secs(5);

impl CallProgress {
    /// Whether the subscription was reported to follow.
    pub(super) fn is_following(self) -> bool {
        match self {
            CallProgress::Requested | CallProgress::Settling { .. } => false,
            CallProgress::Accepted
            | CallProgress::Unserved
            | CallProgress::Polled
            | CallProgress::Delivering => true,
        }
    }
}

impl OpenCall {
    pub(super) fn was_served(&self, now: Instant) -> bool {
        match self.progress {
            CallProgress::Requested | CallProgress::Settling { .. } => false,
            CallProgress::Accepted | CallProgress::Unserved => now - self.since > SERVED_AFTER,
            CallProgress::Polled | CallProgress::Delivering => true,
        }
    }
}

pub(super) struct Ending {
    pub reason: EndReason,
    pub rest: Rest,
}

/// Why no more is requested.
pub(super) enum EndReason {
    /// What there was to get has come, or a failure does not pass by itself.
    Over,
    /// The reader has closed, or what is in flight has come since.
    Closed(Drain),
    /// The reader has cancelled.
    Cancelled,
}

/// What there is to do before the end. The fallback's `get` may be open as well.
pub(super) enum Rest {
    /// The call has not ended.
    Call(OpenCall),
    /// The connection is examined to find out more about this failure.
    Examination(Error),
    Nothing(Option<Error>),
}

impl Phase {
    /// The call that is open.
    pub(super) fn open_mut(&mut self) -> Option<&mut OpenCall> {
        match self {
            Phase::Open(open)
            | Phase::Ending(Ending {
                rest: Rest::Call(open),
                ..
            }) => Some(open),
            Phase::Polling(_) | Phase::Waiting | Phase::Ending(_) | Phase::Ended => None,
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        match self {
            Phase::Ending(ending) => matches!(ending.reason, EndReason::Cancelled),
            Phase::Open(_) | Phase::Polling(_) | Phase::Waiting | Phase::Ended => false,
        }
    }

    /// `fetching` if the fallback's `get` is open.
    #[inline]
    pub(super) fn deadline(&self, fetching: bool) -> Option<Instant> {
        match self {
            Phase::Open(open) => {
                let settled = match open.progress {
                    CallProgress::Settling { until } => Some(until),
                    _ => None,
                };
                earliest(settled, open.session.liveness.deadline())
            }
            Phase::Polling(session) => Some(session.cadence.due()),
            Phase::Ending(Ending {
                reason: EndReason::Closed(drain),
                rest,
            }) => match rest {
                Rest::Call(open) => earliest(drain.deadline(), open.session.liveness.deadline()),
                _ if fetching => drain.deadline(),
                Rest::Examination(_) | Rest::Nothing(_) => None,
            },
            Phase::Waiting | Phase::Ending(_) | Phase::Ended => None,
        }
    }
}
