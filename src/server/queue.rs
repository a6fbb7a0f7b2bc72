//! The one queue that all clients of a server pop from.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Serialised alerts that no client has taken yet. As in Falco, without a bound.
#[derive(Default)]
pub(super) struct Queue {
    alerts: Mutex<VecDeque<Box<[u8]>>>,
    written: AtomicU64,
}

impl Queue {
    pub fn push(&self, alert: Vec<u8>) {
        // Boxed before the lock: it may copy, and without spare capacity C-core takes it over.
        let alert = alert.into_boxed_slice();
        self.lock().push_back(alert);
    }

    pub fn len(&self) -> usize {
        self.lock().len()
    }

    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub fn drain(&self) -> Drain<'_> {
        Drain {
            queue: self,
            ahead: None,
        }
    }

    /// The next alert. It counts as written, so ask only when it can be written at once.
    pub fn take(&self) -> Option<Vec<u8>> {
        let alert = self.pop()?;
        self.written.fetch_add(1, Ordering::Relaxed);
        Some(alert.into_vec())
    }

    /// The next alert, which is gone when nothing puts it back.
    pub fn pop(&self) -> Option<Box<[u8]>> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Box<[u8]>>> {
        self.alerts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes alerts until the queue is empty. Looks one alert ahead, so that each is known to be
/// followed by another, which C-core's write buffer wants to hear; the one ahead goes back to
/// the front of the queue when the drain is dropped.
pub(super) struct Drain<'a> {
    queue: &'a Queue,
    ahead: Option<Box<[u8]>>,
}

impl Drain<'_> {
    /// The next alert, and whether one more is certain to follow. It counts as written, so ask
    /// only when it can be written at once.
    pub fn next(&mut self) -> Option<(Vec<u8>, bool)> {
        let alert = self.ahead.take().or_else(|| self.queue.pop())?;
        self.ahead = self.queue.pop();
        self.queue.written.fetch_add(1, Ordering::Relaxed);
        Some((alert.into_vec(), self.ahead.is_some()))
    }
}

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        if let Some(alert) = self.ahead.take() {
            self.queue.lock().push_front(alert);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(alerts: &[&str]) -> Queue {
        let queue = Queue::default();
        alerts
            .iter()
            .for_each(|alert| queue.push(alert.as_bytes().to_vec()));
        queue
    }

    fn rest(queue: &Queue) -> Vec<(Vec<u8>, bool)> {
        let mut drain = queue.drain();
        std::iter::from_fn(|| drain.next()).collect()
    }

    #[test]
    fn a_drain_takes_all_in_order_and_knows_the_last() {
        let queue = queue(&["a", "b", "c"]);
        assert_eq!(
            rest(&queue),
            [
                (b"a".to_vec(), true),
                (b"b".to_vec(), true),
                (b"c".to_vec(), false)
            ]
        );
        assert_eq!((queue.len(), queue.written()), (0, 3));
    }

    #[test]
    fn what_was_taken_and_not_written_goes_back_to_the_front() {
        let queue = queue(&["a", "b", "c"]);
        let mut cut = queue.drain();
        assert_eq!(cut.next(), Some((b"a".to_vec(), true)));
        drop(cut);
        assert_eq!((queue.len(), queue.written()), (2, 1));
        assert_eq!(
            rest(&queue),
            [(b"b".to_vec(), true), (b"c".to_vec(), false)]
        );
    }

    #[test]
    fn two_drains_share_the_queue() {
        let queue = queue(&["a", "b", "c"]);
        let (mut one, mut other) = (queue.drain(), queue.drain());
        assert_eq!(one.next(), Some((b"a".to_vec(), true)));
        assert_eq!(other.next(), Some((b"c".to_vec(), false)));
        assert_eq!(one.next(), Some((b"b".to_vec(), false)));
        assert_eq!((one.next(), other.next()), (None, None));
    }
}
