//! What is due at a time, and what follows from a server's silence.

use std::time::Instant;

use super::event::{Notice, Operation, Probe};
use super::fallback::FallbackStep;
use super::liveness::Verdict;
use super::phase::{CallProgress, Phase};
use super::Subscription;
use crate::source::grpc::rpc::Rpc;

impl Subscription {
    pub(super) fn timeout(&mut self, now: Instant) {
        self.call_timeout(now);
        if let Some(step) = self.fallback.timeout(self.may_fetch(), now) {
            self.perform(match step {
                FallbackStep::Fetch => Operation::Fetch,
                FallbackStep::Probe(timeout) => Operation::Probe(Probe::Fallback, timeout),
            });
        }
        self.drain_timeout(now);
    }

    fn call_timeout(&mut self, now: Instant) {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Polling(session) if now >= session.cadence.due() => {
                self.phase = Phase::Open(self.open(session, CallProgress::Polled, now));
            }
            phase => self.phase = phase,
        }
        if let Phase::Open(open) = &mut self.phase {
            if let CallProgress::Settling { until } = open.progress {
                if now >= until {
                    open.progress = CallProgress::Accepted;
                    self.report_following();
                }
            }
        }
        if self.is_cancelled() {
            return;
        }
        if let Some(open) = self.phase.open_mut() {
            if let Some(timeout) = open.session.liveness.timeout(now) {
                self.perform(Operation::Probe(Probe::Liveness, timeout));
            }
        }
    }

    pub(super) fn liveness_probed(&mut self, result: &grpcio::Result<()>, now: Instant) {
        if self.is_cancelled() {
            return;
        }
        if let Some(open) = self.phase.open_mut() {
            match open.session.liveness.probed(result, now) {
                Verdict::Alive => {}
                Verdict::Probe(timeout) => {
                    self.perform(Operation::Probe(Probe::Liveness, timeout));
                }
                Verdict::Stalled => self.stalled(now),
            }
        }
    }

    /// Whether the fallback may call `get`: the subscription was accepted and brings nothing.
    pub(super) fn may_fetch(&self) -> bool {
        match &self.phase {
            Phase::Open(open) => match open.progress {
                CallProgress::Accepted | CallProgress::Unserved => open.rpc == Rpc::Sub,
                CallProgress::Requested
                | CallProgress::Settling { .. }
                | CallProgress::Polled
                | CallProgress::Delivering => false,
            },
            Phase::Polling(_) | Phase::Waiting | Phase::Ending(_) | Phase::Ended => false,
        }
    }

    pub(super) fn report_unserved(&mut self) {
        if let Phase::Open(open) = &mut self.phase {
            if open.progress == CallProgress::Accepted {
                open.progress = CallProgress::Unserved;
                self.report(Notice::Unserved);
            }
        }
    }
}
