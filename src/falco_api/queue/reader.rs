//! A stream's part in a queue.

use super::{Queue, QueueDrain};

/// Where one stream's alerts come from.
pub(crate) struct QueueReader<'a> {
    pub(super) queue: &'a Queue,
    /// Which queue, where each has its own.
    pub(super) own: Option<u64>,
}

impl QueueReader<'_> {
    pub fn drain(&self) -> QueueDrain<'_> {
        let mut drain = self.queue.drain();
        drain.own = self.own;
        drain
    }

    /// Whether it may hold up the queue while it takes nothing. Where there is one queue for all, others
    /// take what is in there.
    pub fn can_hold_up(&self) -> bool {
        self.own.is_some()
    }

    /// The next alert for this reader, while the queue has no room for more.
    pub fn held_up(&self) -> Option<u64> {
        let queues = self.queue.lock();
        let first = queues.own.get(&self.own?)?.front()?.number;
        (!queues.has_room(self.queue.ahead)).then_some(first)
    }
}

impl Drop for QueueReader<'_> {
    fn drop(&mut self) {
        let mut queues = self.queue.lock();
        queues.readers = queues.readers.saturating_sub(1);
        if let Some(subscriber) = self.own {
            queues.leave(subscriber);
            self.queue.taken.notify_all();
        }
    }
}
