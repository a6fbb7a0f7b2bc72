//! The bounded queue between the thread where bytes arrive and the reader.
//!
//! The reader takes out everything at once, so that the two meet once for many items, and says
//! how much must be there before it wants to be woken.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::outlet::{Item, Outlet, Room};
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
    /// Moves everything into `batch`, which is empty. Tells whether the pump waits for that.
    pub(super) fn take_all(&mut self, batch: &mut VecDeque<Item>) -> bool {
        std::mem::swap(&mut self.items, batch);
        self.bytes = 0;
        std::mem::take(&mut self.full)
    }
}

/// The end of the queue that a pump fills.
pub(crate) struct QueueOutlet(pub(super) Arc<Queue>);

impl Outlet for QueueOutlet {
    fn take(&mut self, item: Item) -> Room {
        let mut state = self.0.lock();
        state.bytes = state
            .bytes
            .saturating_add(item.as_ref().map_or(0, Vec::len) + OVERHEAD);
        state.items.push_back(item);
        state.full = state.bytes >= self.0.capacity;
        let room = if state.full { Room::No } else { Room::Yes };
        self.0.wake_reader(state);
        room
    }

    fn has_room(&mut self) -> bool {
        !self.0.lock().full
    }

    fn end(&mut self, error: Option<Error>) {
        let mut state = self.0.lock();
        state.ended = true;
        state.failure = error;
        self.0.wake_reader(state);
    }
}
