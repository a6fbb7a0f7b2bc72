//! When to ask for more.
//!
//! Falco writes only in answer to a request, so the interval between requests is a choice between
//! latency and idle CPU. The next request comes after an eighth of the silence so far, within two
//! bounds: soon after an alert, ever more slowly without.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use futures_timer::Delay;

pub(super) struct Cadence {
    interval: RangeInclusive<Duration>,
    due: bool,
    next: Delay,
    heard: bool,
    last_heard: Instant,
    last_asked: Instant,
}

impl Cadence {
    /// The first request is due at once.
    pub(super) fn new(interval: RangeInclusive<Duration>) -> Cadence {
        Cadence {
            interval,
            due: true,
            next: Delay::new(Duration::ZERO),
            heard: false,
            last_heard: Instant::now(),
            last_asked: Instant::now(),
        }
    }

    /// An alert came.
    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// A request was made.
    pub(super) fn asked(&mut self) {
        let now = Instant::now();
        self.due = false;
        self.last_asked = now;
        if std::mem::take(&mut self.heard) {
            self.last_heard = now;
        }
        self.next
            .reset(after(now - self.last_heard, &self.interval));
    }

    /// How long ago the last request was.
    pub(super) fn since_asked(&self) -> Duration {
        self.last_asked.elapsed()
    }

    /// Ready when the next request is due, until it is made.
    pub(super) fn poll_due(&mut self, cx: &mut Context) -> Poll<()> {
        if !self.due {
            ready!(Pin::new(&mut self.next).poll(cx));
            self.due = true;
        }
        Poll::Ready(())
    }
}

fn after(silence: Duration, interval: &RangeInclusive<Duration>) -> Duration {
    (silence / 8).clamp(*interval.start(), (*interval.end()).max(*interval.start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_an_eighth_of_the_silence_within_its_bounds() {
        let ms = Duration::from_millis;
        let bounds = ms(10)..=ms(250);
        for (silence, expected) in [(0, 10), (80, 10), (160, 20), (1_600, 200), (60_000, 250)] {
            assert_eq!(after(ms(silence), &bounds), ms(expected));
        }
    }
}
