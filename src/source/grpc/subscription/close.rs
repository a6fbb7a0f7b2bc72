//! Closing and cancelling.

use std::time::{Duration, Instant};

use super::drain::{Drain, Drained};
use super::event::{Notice, Operation, Probe};
use super::phase::{CallProgress, EndReason, Ending, Phase, Rest};
use super::Subscription;
use crate::source::grpc::status::is_unimplemented;

impl Subscription {
    /// Requests no more, and takes what is in flight.
    pub(super) fn close(&mut self, now: Instant) {
        let unanswered = self.unanswered(now);
        let silence = self.settings.closing_silence;
        let closed = || EndReason::Closed(Drain::new(silence, unanswered, now));
        self.phase = match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Open(open) => {
                self.perform(Operation::StopRequests);
                Phase::Ending(Ending {
                    reason: closed(),
                    rest: Rest::Call(open),
                })
            }
            Phase::Polling(_) | Phase::Waiting => Phase::Ending(Ending {
                reason: closed(),
                rest: Rest::Nothing(None),
            }),
            Phase::Ending(Ending {
                reason: EndReason::Over,
                rest,
            }) => Phase::Ending(Ending {
                reason: closed(),
                rest,
            }),
            phase @ (Phase::Ending(_) | Phase::Ended) => phase,
        };
    }

    /// Cancels the open calls. What C-core has received already still comes out of them.
    pub(super) fn cancel(&mut self) {
        let rest = match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Open(open) => Rest::Call(open),
            Phase::Polling(_) | Phase::Waiting => Rest::Nothing(None),
            Phase::Ending(Ending { reason, rest }) => {
                if let EndReason::Cancelled = reason {
                    self.phase = Phase::Ending(Ending { reason, rest });
                    return;
                }
                rest
            }
            Phase::Ended => return,
        };
        let reason = EndReason::Cancelled;
        self.phase = Phase::Ending(Ending { reason, rest });
        self.perform(Operation::CancelCalls);
    }

    /// How long ago the last request was sent, if a subscription has brought nothing yet.
    fn unanswered(&self, now: Instant) -> Option<Duration> {
        let Phase::Open(open) = &self.phase else {
            return None;
        };
        let is_unanswered = open.rpc.takes_requests()
            && open.progress != CallProgress::Delivering
            && !self.fallback.is_fetching();
        is_unanswered.then(|| open.session.cadence.since_request(now))
    }

    pub(super) fn drain_probed(&mut self, result: grpcio::Result<()>, now: Instant) {
        if let Some(drain) = self.drain_mut() {
            drain.probed(result, now);
        }
    }

    pub(super) fn drain_timeout(&mut self, now: Instant) {
        let Some(drain) = self.drain_mut() else {
            return;
        };
        match drain.timeout(now) {
            Drained::NotYet => {}
            Drained::Probe(timeout) => self.perform(Operation::Probe(Probe::Drain, timeout)),
            Drained::Done(result) => {
                // A server without the version call has answered all the same.
                if let Err(error) = result {
                    if !is_unimplemented(&error) {
                        self.report(Notice::Unconfirmed(error));
                    }
                }
                self.cancel();
            }
        }
    }

    /// Of a closed sequence with calls that are open.
    fn drain_mut(&mut self) -> Option<&mut Drain> {
        let fetching = self.fallback.is_fetching();
        match &mut self.phase {
            Phase::Ending(Ending {
                reason: EndReason::Closed(drain),
                rest,
            }) if fetching || matches!(rest, Rest::Call(_)) => Some(drain),
            Phase::Open(_)
            | Phase::Polling(_)
            | Phase::Waiting
            | Phase::Ending(_)
            | Phase::Ended => None,
        }
    }
}
