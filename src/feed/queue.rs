//! The bounded queue between the thread where bytes arrive and the reader.
//!
//! The reader takes out everything at once, so that the two meet once for many items, and says
//! how much must be there before it wants to be woken.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::control::Control;
use super::outlet::{Item, Outlet, Room};
use crate::config::Overflow;
use crate::error::Error;

/// What a message costs beside its bytes: so that empty ones are bounded too.
const OVERHEAD: usize = 64;

/// Nobody waits.
pub(super) const NEVER: usize = usize::MAX;

pub(super) struct Queue {
    state: Mutex<State>,
    pub(super) arrived: Condvar,
    pub(super) capacity: usize,
}

pub(super) struct State {
    pub(super) items: VecDeque<Item>,
    bytes: usize,
    full: bool,
    /// Dropped since the reader last took something.
    dropped: u64,
    /// The reader is woken when so many bytes are there, or at the end.
    pub(super) wake_at: usize,
    /// How: a thread is woken by the condition variable, a task by its waker.
    pub(super) waker: Option<Waker>,
    pub(super) ended: bool,
    pub(super) failure: Option<Error>,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Arc<Queue> {
        Arc::new(Queue {
            state: Mutex::new(State {
                items: VecDeque::new(),
                bytes: 0,
                full: false,
                dropped: 0,
                wake_at: NEVER,
                waker: None,
                ended: false,
                failure: None,
            }),
            arrived: Condvar::new(),
            capacity,
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here leaves it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the reader if it waits for so much. The lock is given back first.
    fn wake_reader(&self, mut state: MutexGuard<'_, State>) {
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

impl State {
    /// Moves everything into `batch`, which is empty.
    pub(super) fn take_all(&mut self, batch: &mut VecDeque<Item>) -> Taken {
        std::mem::swap(&mut self.items, batch);
        self.bytes = 0;
        Taken {
            was_full: std::mem::take(&mut self.full),
            dropped: std::mem::take(&mut self.dropped),
        }
    }

    fn push(&mut self, item: Item) {
        self.bytes = self.bytes.saturating_add(cost(&item));
        self.items.push_back(item);
    }
}

/// How a queue was when its reader emptied it.
pub(super) struct Taken {
    /// The pump waits for room.
    pub(super) was_full: bool,
    pub(super) dropped: u64,
}

fn cost(item: &Item) -> usize {
    item.as_ref().map_or(0, Vec::len) + OVERHEAD
}

/// The end of the queue that a pump fills.
pub(crate) struct QueueOutlet {
    pub(super) queue: Arc<Queue>,
    pub(super) overflow: Overflow,
    pub(super) control: Arc<Control>,
}

impl QueueOutlet {
    fn is_too_much(&self, state: &State, item: &Item) -> bool {
        state.bytes.saturating_add(cost(item)) > self.queue.capacity
    }

    fn drop_some(&self, state: &mut State, dropped: u64) {
        if state.dropped == 0 {
            log::warn!(
                "{}: the reader is too slow, alerts are being dropped",
                self.control.endpoint()
            );
        }
        state.dropped += dropped;
        self.control.tally.dropped(dropped);
    }
}

impl Outlet for QueueOutlet {
    fn take(&mut self, item: Item) -> Room {
        let mut state = self.queue.lock();
        let mut room = Room::Yes;
        match self.overflow {
            Overflow::Wait => {
                state.push(item);
                state.full = state.bytes >= self.queue.capacity;
                if state.full {
                    room = Room::No;
                }
            }
            Overflow::DropNewest if !state.items.is_empty() && self.is_too_much(&state, &item) => {
                self.drop_some(&mut state, 1);
            }
            Overflow::DropNewest => state.push(item),
            Overflow::DropOldest => {
                let mut dropped = 0;
                while self.is_too_much(&state, &item) {
                    let Some(oldest) = state.items.pop_front() else {
                        break;
                    };
                    state.bytes = state.bytes.saturating_sub(cost(&oldest));
                    dropped += 1;
                }
                if dropped > 0 {
                    self.drop_some(&mut state, dropped);
                }
                state.push(item);
            }
        }
        self.queue.wake_reader(state);
        room
    }

    fn has_room(&mut self) -> bool {
        !self.queue.lock().full
    }

    fn end(&mut self, error: Option<Error>) {
        let mut state = self.queue.lock();
        state.ended = true;
        state.failure = error;
        self.queue.wake_reader(state);
    }
}
