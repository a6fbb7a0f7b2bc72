//! When a subscription sends its next request.
//!
//! Falco writes only in answer to a request, so that the interval between requests is a trade-off
//! between latency and idle CPU. The next request is sent after an eighth of the silence so far,
//! within two bounds: soon after an alert, less often without. Where there are many subscriptions the
//! [budget](super::budget) makes it longer.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::budget::{RequestBudget, RequestShare};

pub(crate) struct Cadence {
    interval: RangeInclusive<Duration>,
    due: Instant,
    last_request: Instant,
    /// The time of the first request after the last message.
    silent_since: Instant,
    message_since_request: bool,
    share: RequestShare,
}

impl Cadence {
    /// The first request is due at once.
    pub(crate) fn new(
        interval: RangeInclusive<Duration>,
        budget: Arc<RequestBudget>,
        now: Instant,
    ) -> Cadence {
        Cadence {
            interval,
            due: now,
            last_request: now,
            silent_since: now,
            message_since_request: false,
            share: RequestShare::new(budget),
        }
    }

    /// A message has arrived.
    pub(crate) fn message(&mut self) {
        self.message_since_request = true;
    }

    /// A request has been sent. Returns how long after it the next one is due.
    pub(crate) fn requested(&mut self, now: Instant) -> Duration {
        self.last_request = now;
        if std::mem::take(&mut self.message_since_request) {
            self.silent_since = now;
        }
        let silence = now - self.silent_since;
        let wanted = pause(silence, &self.interval);
        let pause = self.share.allot(wanted, silence, now);
        self.due = now + pause;
        pause
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    pub(crate) fn since_request(&self, now: Instant) -> Duration {
        now - self.last_request
    }
}

fn pause(silence: Duration, interval: &RangeInclusive<Duration>) -> Duration {
    (silence / 8).clamp(*interval.start(), (*interval.end()).max(*interval.start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_interval_is_an_eighth_of_the_silence_within_its_bounds() {
        let bounds = ms(10)..=ms(250);
        for (silence, expected) in [(0, 10), (80, 10), (160, 20), (1_600, 200), (60_000, 250)] {
            assert_eq!(pause(ms(silence), &bounds), ms(expected));
        }
    }

    #[test]
    fn silence_slows_it_down_and_a_message_speeds_it_up() {
        let start = Instant::now();
        let mut cadence = Cadence::new(ms(10)..=ms(250), RequestBudget::new(start), start);
        assert_eq!(cadence.due(), start);
        assert_eq!(cadence.requested(start), ms(10));
        assert_eq!(cadence.due(), start + ms(10));
        assert_eq!(cadence.requested(start + ms(1_600)), ms(200));
        cadence.message();
        assert_eq!(cadence.requested(start + ms(1_700)), ms(10));
        assert_eq!(cadence.since_request(start + ms(1_705)), ms(5));
    }
}
