//! Detects when a sequence that is being closed has no messages in flight.
//!
//! Nothing marks the end of Falco's answer to a request. After a silence the server is probed, so
//! that one that has stopped is not taken for one that has no alerts. What it wrote before has
//! arrived by the time of the answer; what it was requested before, it may take a moment to write.

use std::time::{Duration, Instant};

/// How long the server may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct Drain {
    silence: Duration,
    state: DrainState,
}

enum DrainState {
    Silent {
        until: Instant,
    },
    Probing,
    /// The probe is over.
    Settling {
        until: Instant,
        result: grpcio::Result<()>,
    },
}

/// What a timeout leads to.
#[derive(Debug)]
pub(crate) enum Drained {
    NotYet,
    /// Probe the server with this timeout.
    Probe(Duration),
    /// Nothing is in flight, if the probe was answered.
    Done(grpcio::Result<()>),
}

impl Drain {
    /// `unanswered` is how long ago the last request was sent, for a call that has brought nothing.
    ///
    /// Such a call may be queued by Falco, which serves a limited number of streams. It has to be
    /// over before another call that is closed at the same time makes room for it, or it would be
    /// served while it is being cancelled.
    pub(crate) fn new(silence: Duration, unanswered: Option<Duration>, now: Instant) -> Drain {
        let longer = silence + silence / 4;
        let first = match unanswered {
            Some(since_request) => silence.saturating_sub(since_request),
            None => longer,
        };
        Drain {
            silence: longer,
            state: DrainState::Silent { until: now + first },
        }
    }

    /// A message has arrived, or could have arrived unnoticed.
    pub(crate) fn activity(&mut self, now: Instant) {
        self.state = DrainState::Silent {
            until: now + self.silence,
        };
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            DrainState::Silent { until } | DrainState::Settling { until, .. } => Some(until),
            DrainState::Probing => None,
        }
    }

    pub(crate) fn timeout(&mut self, now: Instant) -> Drained {
        match &mut self.state {
            DrainState::Silent { until } if now >= *until => {
                self.state = DrainState::Probing;
                Drained::Probe(PROBE_TIMEOUT)
            }
            DrainState::Settling { until, result } if now >= *until => {
                Drained::Done(std::mem::replace(result, Ok(())))
            }
            _ => Drained::NotYet,
        }
    }

    pub(crate) fn probed(&mut self, result: grpcio::Result<()>, now: Instant) {
        if let DrainState::Probing = self.state {
            self.state = DrainState::Settling {
                until: now + self.silence / 4,
                result,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn probes(drain: &mut Drain, now: Instant) -> bool {
        matches!(drain.timeout(now), Drained::Probe(_))
    }

    #[test]
    fn it_takes_a_silence_a_probe_and_a_shorter_silence() {
        let start = Instant::now();
        let mut drain = Drain::new(ms(200), None, start);
        assert_eq!(drain.deadline(), Some(start + ms(250)));
        assert!(!probes(&mut drain, start + ms(249)));
        assert!(probes(&mut drain, start + ms(250)));
        assert_eq!(drain.deadline(), None);
        drain.probed(Ok(()), start + ms(300));
        assert_eq!(drain.deadline(), Some(start + ms(300) + ms(250) / 4));
        assert!(matches!(drain.timeout(start + ms(300)), Drained::NotYet));
        assert!(matches!(
            drain.timeout(start + ms(400)),
            Drained::Done(Ok(()))
        ));
    }

    #[test]
    fn a_message_begins_the_silence_anew() {
        let start = Instant::now();
        for probed in [false, true] {
            let mut drain = Drain::new(ms(200), None, start);
            assert!(probes(&mut drain, start + ms(250)));
            if probed {
                drain.probed(Ok(()), start + ms(260));
            }
            drain.activity(start + ms(261));
            // Of the probe before.
            drain.probed(Ok(()), start + ms(262));
            assert_eq!(drain.deadline(), Some(start + ms(511)));
            assert!(probes(&mut drain, start + ms(511)));
        }
    }

    #[test]
    fn a_call_that_brought_nothing_is_silent_since_its_request() {
        let start = Instant::now();
        let drain = Drain::new(ms(200), Some(ms(150)), start);
        assert_eq!(drain.deadline(), Some(start + ms(50)));
        let drain = Drain::new(ms(200), Some(ms(900)), start);
        assert_eq!(drain.deadline(), Some(start));
    }
}
