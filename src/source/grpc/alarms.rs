//! The timers of all subscriptions, as one.
//!
//! Subscriptions run on one thread, and timers of their own would be kept by another, which wakes that
//! thread for each of them. Of these the other thread has one, and all that are due at once end with it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use futures_timer::Delay;

use crate::util::lock::lock;

/// At least this long after some have ended: the next ones mostly belong to the same tick.
const LULL: Duration = Duration::from_millis(1);

#[derive(Default)]
pub(super) struct Alarms {
    set: Mutex<Set>,
    /// Of the [`Clock`].
    clock: AtomicWaker,
}

#[derive(Default)]
struct Set {
    /// By when they end. The number tells those of one moment apart.
    waiting: BTreeMap<(Instant, u64), Registered>,
    last_number: u64,
    /// When the clock looks again.
    looks: Option<Instant>,
}

struct Registered {
    task: Waker,
    has_rung: Arc<AtomicBool>,
}

impl Registered {
    fn ring(self) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Alarms {
    /// The alarms, and what lets them end: to be polled on the thread of the subscriptions.
    pub(super) fn new() -> (Arc<Alarms>, Clock) {
        let alarms = Arc::<Alarms>::default();
        let clock = Clock {
            alarms: alarms.clone(),
            delay: Delay::new(Duration::ZERO),
        };
        (alarms, clock)
    }

    fn add(&self, end: Instant, alarm: Registered) -> (Instant, u64) {
        let mut set = lock(&self.set);
        set.last_number += 1;
        let key = (end, set.last_number);
        set.waiting.insert(key, alarm);
        let is_first = set.looks.is_none_or(|looks| end < looks);
        drop(set);
        if is_first {
            self.clock.wake();
        }
        key
    }

    fn remove(&self, key: (Instant, u64)) {
        lock(&self.set).waiting.remove(&key);
    }

    /// Wakes what is due. Returns when to look again.
    fn ring(&self, now: Instant) -> Option<Instant> {
        let mut set = lock(&self.set);
        let later = set.waiting.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut set.waiting, later);
        let next = set.waiting.first_key_value().map(|(&(end, _), _)| end);
        set.looks = next.map(|end| match due.is_empty() {
            true => end,
            false => end.max(now + LULL),
        });
        let looks = set.looks;
        drop(set);
        due.into_values().for_each(Registered::ring);
        looks
    }
}

/// Ends the alarms. It never ends itself.
pub(super) struct Clock {
    alarms: Arc<Alarms>,
    delay: Delay,
}

impl Future for Clock {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context) -> Poll<()> {
        let clock = self.get_mut();
        clock.alarms.clock.register(cx.waker());
        loop {
            let now = Instant::now();
            let Some(looks) = clock.alarms.ring(now) else {
                return Poll::Pending;
            };
            clock.delay.reset(looks - now);
            if Pin::new(&mut clock.delay).poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// One of the alarms.
pub(super) struct Alarm {
    alarms: Arc<Alarms>,
    waiting: Option<Waiting>,
    has_rung: Arc<AtomicBool>,
}

struct Waiting {
    key: (Instant, u64),
    task: Waker,
}

impl Alarm {
    pub(super) fn new(alarms: Arc<Alarms>) -> Alarm {
        Alarm {
            alarms,
            waiting: None,
            has_rung: Arc::default(),
        }
    }

    /// Ready from `end` on. Before it, the task is woken then.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context, end: Instant) -> Poll<()> {
        if let Some(Waiting { key, task }) = &self.waiting {
            // Where the end has moved to later, the alarm rings for nothing: most move on before they come.
            let rings_by_then = key.0 <= end && task.will_wake(cx.waker());
            if rings_by_then && !self.has_rung.load(Ordering::Acquire) {
                return Poll::Pending;
            }
        }
        self.set(cx.waker(), end)
    }

    fn set(&mut self, task: &Waker, end: Instant) -> Poll<()> {
        self.stop();
        if Instant::now() >= end {
            return Poll::Ready(());
        }
        self.has_rung.store(false, Ordering::Relaxed);
        let registered = Registered {
            task: task.clone(),
            has_rung: self.has_rung.clone(),
        };
        self.waiting = Some(Waiting {
            key: self.alarms.add(end, registered),
            task: task.clone(),
        });
        Poll::Pending
    }

    fn stop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.alarms.remove(waiting.key);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::thread;

    use futures::executor::block_on;
    use futures::task::noop_waker;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn alarms() -> Arc<Alarms> {
        let (alarms, clock) = Alarms::new();
        thread::spawn(|| block_on(clock));
        alarms
    }

    fn in_ms(millis: u64) -> Instant {
        Instant::now() + Duration::from_millis(millis)
    }

    fn wait(alarm: &mut Alarm, end: Instant) {
        block_on(poll_fn(|cx| alarm.poll(cx, end)));
        assert!(Instant::now() >= end);
    }

    #[test]
    fn it_ends_when_it_should_however_that_has_moved() {
        let mut alarm = Alarm::new(alarms());
        let mut is_over = |end| block_on(poll_fn(|cx| Poll::Ready(alarm.poll(cx, end).is_ready())));
        let soon = in_ms(20);
        assert!(!is_over(Instant::now() + HOUR));
        // Earlier than before, then later.
        assert!(!is_over(soon));
        let later = soon + Duration::from_millis(20);
        wait(&mut alarm, later);
        wait(&mut alarm, soon);
        wait(&mut alarm, in_ms(5));
    }

    #[test]
    fn many_end_each_in_its_time() {
        let alarms = alarms();
        let waits: Vec<_> = (0..200)
            .map(|number| {
                let (mut alarm, end) = (Alarm::new(alarms.clone()), in_ms(number % 20));
                thread::spawn(move || wait(&mut alarm, end))
            })
            .collect();
        waits.into_iter().for_each(|wait| wait.join().unwrap());
        assert!(lock(&alarms.set).waiting.is_empty());
    }

    #[test]
    fn one_that_is_dropped_is_forgotten() {
        let (alarms, _clock) = Alarms::new();
        let mut alarm = Alarm::new(alarms.clone());
        let task = noop_waker();
        assert!(alarm
            .poll(&mut Context::from_waker(&task), Instant::now() + HOUR)
            .is_pending());
        assert_eq!(lock(&alarms.set).waiting.len(), 1);
        drop(alarm);
        assert!(lock(&alarms.set).waiting.is_empty());
    }
}
