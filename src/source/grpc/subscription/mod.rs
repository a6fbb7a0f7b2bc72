//! One sequence of alerts over gRPC: decides which call is made when, and what is reported.
//!
//! Nothing in this folder does I/O or reads a clock. The [driver](super::driver) reports each
//! [`Event`] with its time, carries out the [`Action`]s that follow, and reports
//! [`Event::Timeout`] when [`Subscription::deadline`] has come.
//!
//! ```text
//!               UNIMPLEMENTED: the other generation
//!                      .-----.
//!                      v     |
//!     start -------> [  Open  ] ---- ended in order (Falco before 0.24) ---> [ Polling ]
//!                     |  ^  ^                                                     |
//!     ended, failed,  |  |  '------------- the next request is due ---------------'
//!     stalled         v  | the wait is over
//!                    [ Waiting ]
//!
//!     Open, Polling, Waiting ---- close, cancel ----------.
//!     Open ---- failed for good, or a `get` has ended ----+---> [ Ending ]
//!                                                                   |
//!                                            nothing is in flight   v
//!                                                               [ Ended ]
//! ```
//!
//! A `get` is never `Polling` or `Waiting`: it ends with its call.

mod budget;
mod cadence;
mod close;
mod drain;
mod end;
mod event;
mod fallback;
mod liveness;
mod open;
mod phase;
mod reconnect;
mod report;
#[cfg(test)]
mod tests;
mod timeout;

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fallback::Fallback;
use phase::{CallProgress, EndReason, Ending, Phase};
use reconnect::Reconnect;
use report::Reported;

use super::rpc::Generation;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::source::Purpose;

pub(crate) use budget::RequestBudget;
pub(crate) use event::{Action, Event, Notice, Operation, Probe, RetryWait};
pub(crate) use reconnect::SHORTEST as SHORTEST_PAUSE;

/// What a subscription needs of the [`Config`].
pub(crate) struct SubscriptionSettings {
    pub purpose: Purpose,
    /// As errors show it.
    pub endpoint: String,
    pub request_interval: RangeInclusive<Duration>,
    pub closing_silence: Duration,
    pub stall_timeout: Duration,
    pub keep_trying: bool,
    /// Shared by all subscriptions.
    pub budget: Arc<RequestBudget>,
}

impl SubscriptionSettings {
    pub(crate) fn new(
        config: &Config,
        endpoint: &Endpoint,
        purpose: Purpose,
        budget: Arc<RequestBudget>,
    ) -> SubscriptionSettings {
        SubscriptionSettings {
            purpose,
            endpoint: endpoint.to_string(),
            request_interval: (*config.request_interval).clone(),
            closing_silence: *config.closing_silence,
            stall_timeout: *config.stall_timeout,
            keep_trying: config.keep_trying,
            budget,
        }
    }
}

pub(crate) struct Subscription {
    settings: SubscriptionSettings,
    phase: Phase,
    reconnect: Reconnect,
    /// Its `get` may outlast the call that it replaces.
    fallback: Fallback,
    reported: Reported,
    actions: VecDeque<Action>,
}

impl Subscription {
    /// Begins with the call to make, which is the first action.
    pub(crate) fn new(
        settings: SubscriptionSettings,
        generation: Generation,
        now: Instant,
    ) -> Subscription {
        let mut subscription = Subscription {
            phase: Phase::Waiting,
            reconnect: Reconnect::new(),
            fallback: Fallback::new(*settings.request_interval.end(), now),
            reported: Reported::default(),
            actions: VecDeque::new(),
            settings,
        };
        subscription.connect(generation, now);
        subscription
    }

    /// What to do next. To be carried out before anything else is polled, and before a message that
    /// caused it is delivered.
    #[inline]
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When a [`Event::Timeout`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let fetching = self.fallback.is_fetching();
        earliest(
            self.phase.deadline(fetching),
            self.fallback.deadline(self.may_fetch()),
        )
    }

    /// Whether messages are taken out of the calls whether there is room for them or not.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.phase.is_cancelled()
    }

    /// A message came out of the call.
    #[inline]
    pub(crate) fn message(&mut self) {
        let Some(open) = self.phase.open_mut() else {
            return;
        };
        match std::mem::replace(&mut open.progress, CallProgress::Delivering) {
            CallProgress::Delivering | CallProgress::Accepted | CallProgress::Polled => {}
            CallProgress::Requested | CallProgress::Settling { .. } | CallProgress::Unserved => {
                if self.settings.purpose == Purpose::Subscribe {
                    self.report_following();
                }
            }
        }
    }

    /// A message came out of the fallback's `get`.
    pub(crate) fn fetched(&mut self) {
        self.fallback.message();
    }

    /// A message was delivered, or the outlet has room again, so that messages may have arrived
    /// unnoticed. The clock is read only where the time matters.
    #[inline]
    pub(crate) fn activity(&mut self, clock: impl FnOnce() -> Instant) {
        if let Some(open) = self.phase.open_mut() {
            open.session.cadence.message();
            open.session.liveness.activity();
        }
        if let Phase::Ending(Ending {
            reason: EndReason::Closed(drain),
            ..
        }) = &mut self.phase
        {
            drain.activity(clock());
        }
    }

    pub(crate) fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::OpenFailed(error) => self.end(Some(error)),
            Event::RequestSent => self.request_sent(now),
            Event::RequestWritten => self.request_written(now),
            Event::RequestRefused => self.request_refused(),
            Event::CallFailed(error) => self.call_failed(error),
            Event::CallEnded => self.call_ended(now),
            Event::FetchEnded(None) => {
                if self.fallback.ended(false, now) {
                    self.report_unserved();
                }
            }
            Event::FetchEnded(Some(too_large)) => {
                self.fallback.ended(true, now);
                self.report(Notice::AlertLost(too_large));
            }
            Event::Probed(Probe::Liveness, result) => self.liveness_probed(&result, now),
            Event::Probed(Probe::Fallback, result) => {
                if self.fallback.probed(&result) {
                    self.report_unserved();
                }
            }
            Event::Probed(Probe::Drain, result) => self.drain_probed(result, now),
            Event::Examined(found) => self.examined(found),
            Event::RetryDue(generation) => self.retry(generation, now),
            Event::Timeout => self.timeout(now),
            Event::Close => self.close(now),
            Event::Cancel => self.cancel(),
        }
        self.end_if_nothing_is_in_flight();
    }

    fn report_following(&mut self) {
        let report = self.reported.following();
        self.report(report);
    }

    fn perform(&mut self, operation: Operation) {
        self.actions.push_back(Action::Perform(operation));
    }

    fn report(&mut self, report: Notice) {
        self.actions.push_back(Action::Report(report));
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
