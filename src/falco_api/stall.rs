//! Notices streams that stand still.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures_timer::Delay;

use super::queue::QueueReader;

/// What becomes of a stream whose client takes nothing.
#[derive(Clone)]
pub(crate) struct StallPolicy {
    /// How long it may take nothing, while there are alerts for it, before it is ended.
    pub timeout: Duration,
    /// Called with the client's address when its stream is ended.
    pub report: Arc<dyn Fn(&str) + Send + Sync>,
}

/// How many bytes a second of one alert a client takes that does not stand still. An alert may be large,
/// and of one that is written in part no progress is seen.
const SLOWEST: usize = 64 << 10;

/// Measures for how long a stream has made no progress. Its timer runs on where there is some, so that an
/// alert costs a look at the clock.
pub(super) struct StallTimer {
    /// Never, without it.
    timeout: Option<Duration>,
    since: Instant,
    /// What the timeout is extended by.
    allowance: Duration,
    timer: Option<Delay>,
}

impl StallTimer {
    pub(super) fn new(timeout: Option<Duration>) -> StallTimer {
        StallTimer {
            timeout,
            since: Instant::now(),
            allowance: Duration::ZERO,
            timer: None,
        }
    }

    /// The wait begins until this number of bytes is written.
    pub(super) fn begin(&mut self, bytes: usize) {
        if self.timeout.is_some() {
            self.since = Instant::now();
            self.allowance = Duration::from_secs((bytes / SLOWEST) as u64);
        }
    }

    /// Ready once the wait has taken too long.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(timeout) = self.timeout else {
            return Poll::Pending;
        };
        loop {
            let left = (timeout + self.allowance).saturating_sub(self.since.elapsed());
            if left.is_zero() {
                return Poll::Ready(());
            }
            let timer = self.timer.get_or_insert_with(|| Delay::new(left));
            if Pin::new(timer).poll_unpin(context).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }
}

/// Resolves when the reader has held up the queue for this long, as by not asking for more. Never
/// without a time.
pub(super) async fn holds_up(reader: &QueueReader<'_>, timeout: Option<Duration>) {
    let Some(timeout) = timeout.filter(|_| reader.can_hold_up()) else {
        return poll_fn(|_| Poll::Pending).await;
    };
    let mut held: Option<(u64, Instant)> = None;
    loop {
        Delay::new(timeout / 4).await;
        held = match (reader.held_up(), held) {
            (Some(number), Some((before, since))) if number == before => {
                if since.elapsed() >= timeout {
                    return;
                }
                held
            }
            (Some(number), _) => Some((number, Instant::now())),
            (None, _) => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::thread;

    use super::*;

    #[test]
    fn a_wait_that_takes_too_long_is_noticed_and_progress_begins_it_anew() {
        let mut context = Context::from_waker(Waker::noop());
        let mut never = StallTimer::new(None);
        assert!(never.poll(&mut context).is_pending());
        let mut timer = StallTimer::new(Some(Duration::from_millis(10)));
        let mut wait_until_ready = |timer: &mut StallTimer| {
            while timer.poll(&mut context).is_pending() {
                thread::yield_now();
            }
        };
        wait_until_ready(&mut timer);
        // So large that its time is not over before it is looked at.
        timer.begin(1 << 30);
        let mut other = Context::from_waker(Waker::noop());
        assert!(timer.poll(&mut other).is_pending());
        timer.begin(1000);
        wait_until_ready(&mut timer);
    }
}
