//! The bounded queue between the thread where bytes arrive and the reader.
//!
//! The reader takes out everything at once, so that the two synchronize once for many messages, and
//! sets how many bytes must be queued before it is woken.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::Waker;

use super::back_pressure::Flow;
use super::control::Control;
use super::outlet::{MessageResult, Outlet};
use super::spares::Spares;
use crate::config::Overflow;
use crate::error::Error;
use crate::util::lock::lock;
use crate::util::rate_limited_log::RateLimit;

/// What a message costs in addition to its bytes, so that empty ones are bounded too.
const OVERHEAD: usize = 64;

/// No reader waits.
pub(super) const NEVER: usize = usize::MAX;

pub(super) struct AlertQueue {
    state: Mutex<QueueState>,
    pub(super) arrived: Condvar,
    pub(super) capacity: usize,
}

pub(super) struct QueueState {
    pub(super) items: VecDeque<MessageResult>,
    /// The number of the last message that came, in the queue or dropped.
    pub(super) last: u64,
    bytes: usize,
    full: bool,
    /// The reader is woken when this many bytes are queued, or at the end.
    pub(super) wake_at: usize,
    /// Of a task that waits. A thread waits on the condition variable.
    pub(super) waker: Option<Waker>,
    /// Of messages that were read, if the source fills buffers that were returned.
    pub(super) spares: Option<Spares>,
    pub(super) ended: bool,
    pub(super) failure: Option<Error>,
}

impl AlertQueue {
    pub(super) fn new(capacity: usize) -> Arc<AlertQueue> {
        Arc::new(AlertQueue {
            state: Mutex::new(QueueState {
                items: VecDeque::new(),
                last: 0,
                bytes: 0,
                full: false,
                wake_at: NEVER,
                waker: None,
                spares: None,
                ended: false,
                failure: None,
            }),
            arrived: Condvar::new(),
            capacity,
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, QueueState> {
        lock(&self.state)
    }

    /// Releases the lock, and wakes the reader if it waits for this many bytes.
    fn wake_reader(&self, mut state: MutexGuard<'_, QueueState>) {
        if state.wake_at == NEVER || (state.bytes < state.wake_at && !state.ended) {
            return;
        }
        state.wake_at = NEVER;
        let task = state.waker.take();
        drop(state);
        match task {
            Some(task) => task.wake(),
            None => self.arrived.notify_one(),
        }
    }
}

impl QueueState {
    /// Moves everything into `batch`, which is empty. Whether the source waits for room.
    pub(super) fn take_all(&mut self, batch: &mut VecDeque<MessageResult>) -> bool {
        std::mem::swap(&mut self.items, batch);
        self.bytes = 0;
        std::mem::take(&mut self.full)
    }

    /// Drops the oldest alert, or what arrived in place of one: other errors are never dropped.
    fn drop_oldest(&mut self) -> bool {
        let oldest = self.items.iter().position(is_droppable);
        let Some(oldest) = oldest.and_then(|oldest| self.items.remove(oldest)) else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(cost(&oldest));
        true
    }

    fn push(&mut self, item: MessageResult) {
        self.bytes = self.bytes.saturating_add(cost(&item));
        self.items.push_back(item);
    }
}

/// Whether a sender can make any number of it.
fn is_droppable(item: &MessageResult) -> bool {
    match item {
        Ok(_) => true,
        Err(error) => matches!(**error, Error::Undecodable { .. } | Error::TooLarge { .. }),
    }
}

fn cost(item: &MessageResult) -> usize {
    let bytes = match item {
        Ok(message) => message.bytes.len(),
        Err(error) => match &**error {
            Error::Undecodable { bytes, .. } => bytes.len(),
            _ => 0,
        },
    };
    bytes + OVERHEAD
}

/// The source's end of the queue.
pub(crate) struct QueueOutlet {
    pub(super) queue: Arc<AlertQueue>,
    pub(super) overflow: Overflow,
    pub(super) control: Arc<Control>,
    /// Buffers to fill; none if the source brings its own.
    pub(super) spares: Option<Spares>,
    /// Limits the log of alerts that were dropped.
    pub(super) drop_log: RateLimit,
}

impl QueueOutlet {
    fn exceeds_capacity(&self, state: &QueueState, item: &MessageResult) -> bool {
        state.bytes.saturating_add(cost(item)) > self.queue.capacity
    }

    /// Called without the queue's lock, as a log may be slow.
    fn log_dropped(&self, dropped: u64) {
        let endpoint = self.control.endpoint();
        log::warn!("{endpoint}: the reader is too slow, {dropped} alerts were dropped");
    }
}

impl Outlet for QueueOutlet {
    fn buffer(&mut self, len: usize) -> Vec<u8> {
        self.spares.get_or_insert_default().take(len)
    }

    fn take(&mut self, item: MessageResult) -> Flow {
        let mut state = self.queue.lock();
        if let Some(spares) = &mut self.spares {
            spares.refill(state.spares.get_or_insert_default());
        }
        if let Ok(message) = &item {
            state.last = message.number;
        }
        let mut dropped = 0;
        let exceeds = is_droppable(&item) && self.exceeds_capacity(&state, &item);
        match self.overflow {
            Overflow::DropNewest if exceeds && !state.items.is_empty() => dropped = 1,
            Overflow::DropOldest if exceeds => {
                while self.exceeds_capacity(&state, &item) && state.drop_oldest() {
                    dropped += 1;
                }
                state.push(item);
            }
            _ => state.push(item),
        }
        state.full = self.overflow == Overflow::Wait && state.bytes >= self.queue.capacity;
        let flow = if state.full {
            Flow::Pause
        } else {
            Flow::Continue
        };
        self.queue.wake_reader(state);
        if dropped > 0 {
            self.control.counters.dropped(dropped);
            if let Some(dropped) = self.drop_log.admit(dropped) {
                self.log_dropped(dropped);
            }
        }
        flow
    }

    fn has_room(&mut self) -> bool {
        !self.queue.lock().full
    }

    fn end(&mut self, error: Option<Error>) {
        match self.drop_log.take_suppressed() {
            0 => {}
            dropped => self.log_dropped(dropped),
        }
        let mut state = self.queue.lock();
        state.ended = true;
        state.failure = error;
        self.queue.wake_reader(state);
    }
}
