//! What follows when a call has come to its end: a call to the other generation, another call, or the
//! end of the sequence.

use std::time::Instant;

use super::event::{Notice, Operation, RetryWait};
use super::phase::{CallProgress, EndReason, Ending, OpenCall, Phase, Rest};
use super::Subscription;
use crate::diagnose::Finding;
use crate::error::Error;
use crate::source::grpc::rpc::Generation;
use crate::source::grpc::status::is_inconclusive;
use crate::source::Purpose;

impl Subscription {
    pub(super) fn call_failed(&mut self, error: Error) {
        // How a cancelled call fails is no news.
        if !self.is_cancelled() {
            if let Some(open) = self.phase.open_mut() {
                open.failure.get_or_insert(error);
            }
        }
    }

    pub(super) fn call_ended(&mut self, now: Instant) {
        let Some((mut open, reason)) = self.take_open() else {
            return;
        };
        self.phase = match open.failure.take() {
            None if self.settings.purpose == Purpose::Get => self.finish(reason, None),
            None if open.session.generation == Generation::Output => self.polled(open, reason, now),
            Some(Error::Unimplemented { .. }) if may_switch(&open, reason.as_ref()) => {
                self.switch(open, reason, now)
            }
            failure => self.lost(&open, reason, failure, now),
        };
    }

    /// The server shows no sign of life. C-core would go on waiting for it on this channel.
    pub(super) fn stalled(&mut self, now: Instant) {
        let Some((open, reason)) = self.take_open() else {
            return;
        };
        self.fallback.abandon(now);
        self.perform(Operation::DropCalls);
        self.perform(Operation::RenewChannel);
        let failure = Error::Timeout {
            endpoint: self.settings.endpoint.clone(),
            after: self.settings.stall_timeout,
        };
        self.phase = self.lost(&open, reason, Some(failure), now);
    }

    /// The call that is over, with why no other may follow, if so. The phase is set by the caller.
    fn take_open(&mut self) -> Option<(OpenCall, Option<EndReason>)> {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Open(open) => Some((open, None)),
            Phase::Ending(Ending {
                reason,
                rest: Rest::Call(open),
            }) => Some((open, Some(reason))),
            phase => {
                self.phase = phase;
                None
            }
        }
    }

    /// A Falco before 0.24 has brought what was queued.
    fn polled(&mut self, open: OpenCall, reason: Option<EndReason>, now: Instant) -> Phase {
        if matches!(reason, Some(EndReason::Cancelled)) {
            return self.finish(reason, None);
        }
        if !open.progress.is_following() {
            self.report_following();
        }
        if reason.is_some() {
            return self.finish(reason, None);
        }
        let mut session = open.session;
        session.alternative = Some(session.generation.other());
        session.liveness.confirmed(now);
        Phase::Polling(session)
    }

    /// Makes the same call to a Falco of the other generation.
    fn switch(&mut self, open: OpenCall, reason: Option<EndReason>, now: Instant) -> Phase {
        if reason.is_some() && self.settings.purpose == Purpose::Subscribe {
            // Nothing was requested from the other generation, so that nothing is in flight.
            return self.lost(&open, reason, None, now);
        }
        let progress = match open.progress.is_following() {
            true => CallProgress::Accepted,
            false => CallProgress::Requested,
        };
        let mut session = open.session;
        session.generation = session.generation.other();
        session.alternative = None;
        self.perform(Operation::SetGeneration(session.generation));
        let open = self.open(session, progress, now);
        match reason {
            None => Phase::Open(open),
            Some(reason) => Phase::Ending(Ending {
                reason,
                rest: Rest::Call(open),
            }),
        }
    }

    /// Waits for the next call, or ends.
    fn lost(
        &mut self,
        open: &OpenCall,
        reason: Option<EndReason>,
        failure: Option<Error>,
        now: Instant,
    ) -> Phase {
        // The next Falco to answer may be a newer one.
        self.perform(Operation::SetGeneration(Generation::Outputs));
        let passes = self.settings.keep_trying || failure.as_ref().is_none_or(Error::is_transient);
        if reason.is_none() && self.settings.purpose == Purpose::Subscribe && passes {
            self.wait(open.was_served(now), failure)
        } else {
            self.finish(reason, failure)
        }
    }

    fn wait(&mut self, served: bool, failure: Option<Error>) -> Phase {
        match &failure {
            _ if served => self.reconnect.served(),
            None => self.reconnect.unserved(),
            Some(failure) => self.refused(failure),
        }
        let pause = self.reconnect.pause();
        let unavailable = matches!(failure, Some(Error::Unavailable { .. }));
        self.perform(Operation::Wait(RetryWait { pause, unavailable }));
        let report = self.reported.waiting(failure, served, pause);
        self.report(report);
        Phase::Waiting
    }

    fn refused(&mut self, failure: &Error) {
        self.reconnect.unserved();
        if self.reconnect.refused() == 1 && is_inconclusive(failure) {
            self.perform(Operation::Examine);
        }
        // C-core never gives up a channel whose state was corrupted by garbage.
        if self.reconnect.suspects_channel() && matches!(failure, Error::Status { .. }) {
            self.perform(Operation::RenewChannel);
        }
        self.perform(Operation::RenewCertificates);
    }

    /// Makes no more calls.
    pub(super) fn finish(&mut self, reason: Option<EndReason>, failure: Option<Error>) -> Phase {
        let rest = match failure {
            Some(failure) if is_inconclusive(&failure) => {
                self.perform(Operation::Examine);
                Rest::Examination(failure)
            }
            failure => Rest::Nothing(failure),
        };
        let reason = reason.unwrap_or(EndReason::Over);
        Phase::Ending(Ending { reason, rest })
    }

    pub(super) fn examined(&mut self, found: Option<Finding>) {
        match (std::mem::replace(&mut self.phase, Phase::Ended), found) {
            (Phase::Waiting, Some(found)) => {
                self.phase = Phase::Waiting;
                self.report(Notice::Found(found));
            }
            (
                Phase::Ending(Ending {
                    reason,
                    rest: Rest::Examination(failure),
                }),
                found,
            ) => {
                let failure = match found {
                    Some(found) => found.explain(failure),
                    None => failure,
                };
                let rest = Rest::Nothing(Some(failure));
                self.phase = Phase::Ending(Ending { reason, rest });
            }
            (phase, _) => self.phase = phase,
        }
    }

    pub(super) fn end_if_nothing_is_in_flight(&mut self) {
        if let Phase::Ending(Ending {
            rest: Rest::Nothing(error),
            ..
        }) = &mut self.phase
        {
            if !self.fallback.is_fetching() {
                let error = error.take();
                self.end(error);
            }
        }
    }

    pub(super) fn end(&mut self, error: Option<Error>) {
        self.phase = Phase::Ended;
        self.report(Notice::End(error));
    }
}

/// Whether a Falco of the other generation may be there.
fn may_switch(open: &OpenCall, reason: Option<&EndReason>) -> bool {
    open.session.alternative.is_some()
        && open.progress != CallProgress::Delivering
        && !matches!(reason, Some(EndReason::Cancelled))
}
