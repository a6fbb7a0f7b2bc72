//! One timer for every deadline of a subscription.

use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use futures_timer::Delay;

pub(super) struct Timer {
    delay: Delay,
    /// When the delay ends. It is moved only where a deadline is earlier: most deadlines move on
    /// before they come.
    ends: Option<Instant>,
}

impl Timer {
    pub(super) fn new() -> Timer {
        Timer {
            delay: Delay::new(Duration::ZERO),
            ends: None,
        }
    }

    /// Ready once the deadline has come.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        if self.ends.is_none_or(|ends| deadline < ends) {
            self.set(deadline);
        }
        loop {
            ready!(Pin::new(&mut self.delay).poll(cx));
            self.ends = None;
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.set(deadline);
        }
    }

    fn set(&mut self, deadline: Instant) {
        self.ends = Some(deadline);
        let left = deadline.saturating_duration_since(Instant::now());
        self.delay.reset(left);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::executor::block_on;

    use super::*;

    fn wait(timer: &mut Timer, deadline: Instant) {
        block_on(poll_fn(|cx| timer.poll(cx, Some(deadline))));
    }

    #[test]
    fn it_ends_at_the_deadline_however_that_has_moved() {
        let mut timer = Timer::new();
        let start = Instant::now();
        let soon = start + Duration::from_millis(20);
        let mut poll = |deadline| {
            block_on(poll_fn(|cx| {
                Poll::Ready(timer.poll(cx, deadline).is_ready())
            }))
        };
        assert!(!poll(None));
        assert!(!poll(Some(start + Duration::from_secs(3_600))));
        // Earlier than the delay, then later than it.
        assert!(!poll(Some(soon)));
        let later = soon + Duration::from_millis(20);
        wait(&mut timer, later);
        assert!(Instant::now() >= later);
        wait(&mut timer, soon);
    }
}
