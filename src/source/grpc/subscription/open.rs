//! Calls and their requests.

use std::time::{Duration, Instant};

use super::cadence::Cadence;
use super::event::Operation;
use super::liveness::Liveness;
use super::phase::{CallProgress, OpenCall, Phase, Session};
use super::Subscription;
use crate::source::grpc::rpc::{Generation, Rpc};

/// A server that refuses a subscription does so within this time after the first request, or, after
/// other refusals, within the last pause, which counts up to the longer time. A far one may take longer:
/// then the state is `Following` for a moment.
const SETTLE: Duration = Duration::from_millis(100);
const LONGEST_SETTLE: Duration = Duration::from_millis(250);

impl Subscription {
    pub(super) fn retry(&mut self, generation: Generation, now: Instant) {
        if let Phase::Waiting = self.phase {
            self.fallback.restart(now);
            self.connect(generation, now);
        }
    }

    /// Makes the first call of a session.
    pub(super) fn connect(&mut self, generation: Generation, now: Instant) {
        let session = Session {
            generation,
            alternative: Some(generation.other()),
            cadence: Cadence::new(
                self.settings.request_interval.clone(),
                self.settings.budget.clone(),
                now,
            ),
            liveness: Liveness::new(self.settings.stall_timeout, now),
        };
        self.phase = Phase::Open(self.open(session, CallProgress::Requested, now));
    }

    pub(super) fn open(
        &mut self,
        mut session: Session,
        progress: CallProgress,
        now: Instant,
    ) -> OpenCall {
        let rpc = Rpc::new(self.settings.purpose, session.generation);
        let request_in = match rpc.takes_requests() {
            true => session.cadence.due().saturating_duration_since(now),
            // The call is the request.
            false => session.cadence.requested(now),
        };
        self.perform(Operation::Open { rpc, request_in });
        OpenCall {
            session,
            rpc,
            since: now,
            progress,
            failure: None,
        }
    }

    pub(super) fn request_sent(&mut self, now: Instant) {
        if let Phase::Open(open) = &mut self.phase {
            let pause = open.session.cadence.requested(now);
            self.perform(Operation::RequestIn(pause));
        }
    }

    pub(super) fn request_written(&mut self, now: Instant) {
        let settle = self.reconnect.pause().clamp(SETTLE, LONGEST_SETTLE);
        if let Phase::Open(open) = &mut self.phase {
            if open.progress == CallProgress::Requested {
                let until = now + settle;
                open.progress = CallProgress::Settling { until };
            }
        }
    }

    pub(super) fn request_refused(&mut self) {
        if let Phase::Open(open) = &mut self.phase {
            if let CallProgress::Settling { .. } = open.progress {
                open.progress = CallProgress::Requested;
            }
        }
    }
}
