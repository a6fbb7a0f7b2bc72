//! How many requests all subscriptions of a process may send together.
//!
//! One thread sends them and delivers the answers, and each costs it some 30 µs, whether it brings an
//! alert or not. Few subscriptions request as often as their cadence says. With many, the pauses grow
//! with their number, so that the thread has time for the alerts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Requests per second of all subscriptions that have brought alerts of late, together: ten
/// milliseconds apart for sixty of them.
const BUSY_RATE: u32 = 6_000;

/// Requests per second of all others.
const QUIET_RATE: u32 = 1_000;

/// A subscription is quiet after this silence, when its cadence has come to the default's longest
/// pause.
const QUIET_AFTER: Duration = Duration::from_secs(2);

/// Pauses that are longer than the cadence wants end together, so that the thread is woken for several
/// requests at once. So do those that are much longer than a tick.
const TICK: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(100);

pub(crate) struct RequestBudget {
    busy: AtomicUsize,
    quiet: AtomicUsize,
    /// How many pauses were stretched, which the jitter is made of.
    stretched: AtomicU64,
    /// When the ticks began.
    start: Instant,
}

impl RequestBudget {
    pub(crate) fn new(now: Instant) -> Arc<RequestBudget> {
        Arc::new(RequestBudget {
            busy: AtomicUsize::new(0),
            quiet: AtomicUsize::new(0),
            stretched: AtomicU64::new(0),
            start: now,
        })
    }

    fn count(&self, activity: Activity) -> &AtomicUsize {
        match activity {
            Activity::Busy => &self.busy,
            Activity::Quiet => &self.quiet,
        }
    }

    /// The shortest pause of each subscription.
    fn shortest_pause(&self, activity: Activity) -> Duration {
        let rate = match activity {
            Activity::Busy => BUSY_RATE,
            Activity::Quiet => QUIET_RATE,
        };
        let count = self.count(activity).load(Ordering::Relaxed);
        Duration::from_secs(count as u64) / rate
    }

    /// Varies a pause by up to an eighth, so that those that began together do not stay together, and
    /// lets it end on a tick.
    fn spread(&self, pause: Duration, now: Instant) -> Duration {
        let count = self.stretched.fetch_add(1, Ordering::Relaxed);
        // By the golden ratio: any few in a row are far from each other.
        let chance = (count.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u32;
        let pause = pause - pause / 8 + (pause / 4).mul_f64(f64::from(chance) / 65_536.0);
        let past_tick = self.past_tick(now + pause);
        match past_tick.is_zero() {
            true => pause,
            false => pause + TICK - past_tick,
        }
    }

    fn past_tick(&self, time: Instant) -> Duration {
        let past = (time - self.start).as_nanos() % TICK.as_nanos();
        Duration::from_nanos(past as u64)
    }

    fn is_shared(&self) -> bool {
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        count(&self.busy) + count(&self.quiet) > 1
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Activity {
    Busy,
    Quiet,
}

/// The part of one subscription, for as long as its session lasts.
pub(super) struct RequestShare {
    budget: Arc<RequestBudget>,
    activity: Activity,
}

impl RequestShare {
    pub(super) fn new(budget: Arc<RequestBudget>) -> RequestShare {
        let activity = Activity::Busy;
        budget.count(activity).fetch_add(1, Ordering::Relaxed);
        RequestShare { budget, activity }
    }

    /// The pause until the next request, where `pause` is wanted.
    pub(super) fn allot(&mut self, pause: Duration, silence: Duration, now: Instant) -> Duration {
        let activity = match silence < QUIET_AFTER {
            true => Activity::Busy,
            false => Activity::Quiet,
        };
        if activity != self.activity {
            self.budget.count(activity).fetch_add(1, Ordering::Relaxed);
            self.leave();
            self.activity = activity;
        }
        let shortest = self.budget.shortest_pause(activity);
        match pause >= shortest {
            true if pause >= LONG && self.budget.is_shared() => {
                pause - self.budget.past_tick(now + pause)
            }
            true => pause,
            false => self.budget.spread(shortest, now),
        }
    }

    fn leave(&self) {
        let count = self.budget.count(self.activity);
        count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for RequestShare {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const NONE: Duration = Duration::ZERO;
    const SILENCE: Duration = Duration::from_secs(60);

    fn shares(count: usize) -> (Vec<RequestShare>, Instant) {
        let now = Instant::now();
        let budget = RequestBudget::new(now);
        let shares = (0..count).map(|_| RequestShare::new(budget.clone()));
        (shares.collect(), now)
    }

    /// The requests of one second, and the longest pause between two of one subscription.
    fn run(shares: &mut [RequestShare], pause: Duration, silence: Duration) -> (usize, Duration) {
        let (mut requests, mut longest) = (0, NONE);
        let start = Instant::now();
        for share in shares.iter_mut() {
            // Enters the count, as all others have.
            share.allot(pause, silence, start);
        }
        for share in shares {
            let mut now = start;
            while now < start + ms(1_000) {
                let pause = share.allot(pause, silence, now);
                longest = longest.max(pause);
                now += pause;
                requests += 1;
            }
        }
        (requests, longest)
    }

    #[test]
    fn few_subscriptions_get_the_pause_that_they_want() {
        let (mut busy, now) = shares(60);
        for share in &mut busy {
            assert_eq!(share.allot(ms(10), NONE, now), ms(10));
        }
        let (mut quiet, now) = shares(250);
        for _ in 0..2 {
            for share in &mut quiet {
                assert_eq!(share.allot(ms(250), SILENCE, now), ms(250));
            }
        }
    }

    #[test]
    fn long_pauses_end_on_a_tick_and_never_later_than_wanted() {
        let (mut two, start) = shares(2);
        let now = start + ms(3);
        assert_eq!(two[0].allot(ms(250), SILENCE, now), ms(247));
        assert_eq!(two[0].allot(ms(99), SILENCE, now), ms(99));
        // One alone wakes the thread for nothing else.
        two.truncate(1);
        assert_eq!(two[0].allot(ms(250), SILENCE, now), ms(250));
    }

    #[test]
    fn many_share_what_the_thread_can_send() {
        for count in [1_000, 2_000] {
            let (mut busy, _) = shares(count);
            let (requests, longest) = run(&mut busy, ms(10), NONE);
            let rate = BUSY_RATE as usize;
            assert!(
                (rate * 8 / 10..rate * 13 / 10).contains(&requests),
                "{requests}"
            );
            assert!(longest <= ms(count as u64 / 6 * 9 / 8 + 10), "{longest:?}");
        }
        let (mut quiet, _) = shares(4_000);
        let (requests, longest) = run(&mut quiet, ms(250), SILENCE);
        assert!((4_000..5_000).contains(&requests), "{requests}");
        assert!(longest <= ms(4_510), "{longest:?}");
    }

    #[test]
    fn quiet_ones_take_nothing_from_busy_ones() {
        let (mut all, now) = shares(2_000);
        let (busy, quiet) = all.split_at_mut(50);
        for share in quiet {
            share.allot(ms(250), SILENCE, now);
        }
        for share in busy {
            assert_eq!(share.allot(ms(10), NONE, now), ms(10));
        }
    }

    #[test]
    fn what_ends_leaves_its_share_to_the_others() {
        let (mut busy, now) = shares(1_000);
        assert!(busy[0].allot(ms(10), NONE, now) > ms(140));
        busy.truncate(10);
        assert_eq!(busy[0].allot(ms(10), NONE, now), ms(10));
    }

    #[test]
    fn stretched_pauses_differ_and_end_on_a_tick() {
        let (mut busy, now) = shares(1_000);
        let pauses = busy.iter_mut().map(|share| share.allot(ms(10), NONE, now));
        let mut pauses: Vec<_> = pauses.collect();
        assert!(pauses
            .iter()
            .all(|pause| pause.as_nanos() % TICK.as_nanos() == 0));
        pauses.sort_unstable();
        pauses.dedup();
        assert!(pauses.len() >= 4, "{pauses:?}");
    }
}
