//! Taking alerts out of a queue, so that what was not written goes back.

use std::sync::atomic::Ordering;

use super::{Queue, Queued};

/// Takes alerts until the queue is empty. Keeps one alert ahead, as C-core's write buffer needs to
/// know of each whether another follows; the one ahead goes back to the front of the queue when the
/// drain is dropped.
pub(crate) struct QueueDrain<'a> {
    pub(super) queue: &'a Queue,
    pub(super) own: Option<u64>,
    pub(super) ahead: Option<Queued>,
    /// A numbered alert that was given out, until the next is asked for: it is being written.
    pub(super) writing: Option<Queued>,
}

impl QueueDrain<'_> {
    /// The next alert, and whether one more is certain to follow. It counts as written, so ask
    /// only when it can be written at once.
    pub fn next(&mut self) -> Option<(Vec<u8>, bool)> {
        let mut queues = self.queue.lock();
        if let Some(alert) = self.writing.take() {
            queues.outstanding.release(alert.number);
            self.queue.taken.notify_all();
        }
        let queue = queues.queue(self.own);
        let alert = self.ahead.take().or_else(|| queue.pop_front())?;
        self.ahead = queue.pop_front();
        self.queue.written.fetch_add(1, Ordering::Relaxed);
        if !queues.outstanding.contains(alert.number) {
            return Some((alert.bytes.into_vec(), self.ahead.is_some()));
        }
        // A hint that more follows would let C-core report it as written before it is.
        let bytes = alert.bytes.to_vec();
        self.writing = Some(alert);
        Some((bytes, false))
    }
}

impl Drop for QueueDrain<'_> {
    fn drop(&mut self) {
        let mut queues = self.queue.lock();
        if let Some(alert) = self.ahead.take() {
            queues.give_back(alert, self.own);
        }
        // The call ended before it was written.
        if let Some(alert) = self.writing.take() {
            queues.give_back(alert, self.own);
        }
    }
}
