//! Whether the server is alive while it has no alerts.
//!
//! Falco's server punishes HTTP/2 pings on a silent connection, but answers the version call at any
//! time.

use std::time::{Duration, Instant};

use crate::source::grpc::status::is_timeout;

pub(crate) struct Liveness {
    /// A quarter of the time that is allowed: one for a message that arrived just after the last
    /// check, one until the probe, and one for each of two probes. This process may itself have
    /// been stopped, so that one answer is late while alerts are waiting.
    interval: Duration,
    activity: bool,
    state: ProbeState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ProbeState {
    Idle {
        until: Instant,
    },
    Probing,
    /// One probe has timed out.
    ProbingAgain,
}

/// What follows from a probe's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Alive,
    /// Probe again, with this timeout.
    Probe(Duration),
    Stalled,
}

impl Liveness {
    pub(crate) fn new(timeout: Duration, now: Instant) -> Liveness {
        let interval = timeout / 4;
        Liveness {
            interval,
            activity: false,
            state: ProbeState::Idle {
                until: now + interval,
            },
        }
    }

    /// A message has arrived, or could have arrived unnoticed.
    pub(crate) fn activity(&mut self) {
        self.activity = true;
    }

    /// The server has ended a call in order. No probe is wanted any more.
    pub(crate) fn confirmed(&mut self, now: Instant) {
        self.activity = true;
        self.state = ProbeState::Idle {
            until: now + self.interval,
        };
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            ProbeState::Idle { until } => Some(until),
            ProbeState::Probing | ProbeState::ProbingAgain => None,
        }
    }

    /// The timeout of the probe to send, where one is due.
    pub(crate) fn timeout(&mut self, now: Instant) -> Option<Duration> {
        match self.state {
            ProbeState::Idle { until } if now >= until => {}
            _ => return None,
        }
        if std::mem::take(&mut self.activity) {
            self.state = ProbeState::Idle {
                until: now + self.interval,
            };
            return None;
        }
        self.state = ProbeState::Probing;
        Some(self.interval)
    }

    pub(crate) fn probed(&mut self, result: &grpcio::Result<()>, now: Instant) -> Verdict {
        if let ProbeState::Idle { .. } = self.state {
            return Verdict::Alive;
        }
        // Any other failure has come from the server, or ends the call as well.
        if is_timeout(result) && !std::mem::take(&mut self.activity) {
            if self.state == ProbeState::ProbingAgain {
                return Verdict::Stalled;
            }
            self.state = ProbeState::ProbingAgain;
            return Verdict::Probe(self.interval);
        }
        self.state = ProbeState::Idle {
            until: now + self.interval,
        };
        Verdict::Alive
    }
}

#[cfg(test)]
mod tests {
    use grpcio::{Error, RpcStatus, RpcStatusCode};

    use super::*;

    const QUARTER: Duration = Duration::from_secs(15);

    fn failed(code: RpcStatusCode) -> grpcio::Result<()> {
        Err(Error::RpcFailure(RpcStatus::new(code)))
    }

    fn timed_out() -> grpcio::Result<()> {
        failed(RpcStatusCode::DEADLINE_EXCEEDED)
    }

    fn start() -> (Liveness, Instant) {
        let start = Instant::now();
        (Liveness::new(QUARTER * 4, start), start)
    }

    /// Up to the first probe.
    fn probing() -> (Liveness, Instant) {
        let (mut liveness, start) = start();
        assert_eq!(liveness.deadline(), Some(start + QUARTER));
        assert_eq!(liveness.timeout(start), None);
        assert_eq!(liveness.timeout(start + QUARTER), Some(QUARTER));
        assert_eq!(liveness.deadline(), None);
        (liveness, start + QUARTER * 2)
    }

    #[test]
    fn two_probes_without_an_answer_are_a_stall() {
        let (mut liveness, now) = probing();
        assert_eq!(liveness.probed(&timed_out(), now), Verdict::Probe(QUARTER));
        assert_eq!(liveness.probed(&timed_out(), now), Verdict::Stalled);
    }

    #[test]
    fn an_answer_to_either_probe_is_a_sign_of_life() {
        for late in [false, true] {
            for answer in [Ok(()), failed(RpcStatusCode::UNIMPLEMENTED)] {
                let (mut liveness, now) = probing();
                if late {
                    liveness.probed(&timed_out(), now);
                }
                assert_eq!(liveness.probed(&answer, now), Verdict::Alive);
                assert_eq!(liveness.deadline(), Some(now + QUARTER));
            }
        }
    }

    #[test]
    fn a_message_stands_for_an_answer() {
        let (mut liveness, now) = probing();
        liveness.activity();
        assert_eq!(liveness.probed(&timed_out(), now), Verdict::Alive);

        let (mut liveness, start) = self::start();
        liveness.activity();
        assert_eq!(liveness.timeout(start + QUARTER), None);
        assert_eq!(liveness.deadline(), Some(start + QUARTER * 2));
        assert!(liveness.timeout(start + QUARTER * 2).is_some());
    }

    #[test]
    fn a_call_that_ended_in_order_makes_a_probe_pointless() {
        let (mut liveness, now) = probing();
        liveness.confirmed(now);
        assert_eq!(liveness.deadline(), Some(now + QUARTER));
        assert_eq!(liveness.probed(&timed_out(), now), Verdict::Alive);
        assert_eq!(liveness.deadline(), Some(now + QUARTER));
    }
}
