//! Limits how many streams are served at the same time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::channel::oneshot;

use crate::util::lock::lock;

/// A number of streams that may be served at once. Further streams wait in order.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Mutex<SlotQueue>>);

struct SlotQueue {
    free: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
    closed: bool,
}

impl Slots {
    pub fn new(free: usize) -> Slots {
        Slots(Arc::new(Mutex::new(SlotQueue {
            free,
            waiting: VecDeque::new(),
            closed: false,
        })))
    }

    /// Resolves to a slot when it is this caller's turn, or to an error after [`Slots::close`].
    pub fn take(&self) -> oneshot::Receiver<Slot> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.closed {
            return receiver;
        }
        if state.free > 0 {
            state.free -= 1;
            drop(state);
            // Cannot fail, as the receiver is in this scope.
            let _ = sender.send(Slot(Some(self.clone())));
        } else {
            // Otherwise those that were cancelled would accumulate.
            state.waiting.retain(|waiting| !waiting.is_canceled());
            state.waiting.push_back(sender);
        }
        receiver
    }

    /// Refuses new streams from now on, and those that wait when the result is dropped.
    #[must_use]
    pub fn close(&self) -> impl Sized {
        let mut state = self.lock();
        state.closed = true;
        std::mem::take(&mut state.waiting)
    }

    fn lock(&self) -> MutexGuard<'_, SlotQueue> {
        lock(&self.0)
    }
}

/// A stream's right to be served. Passes to the next stream in line when it is dropped.
pub(crate) struct Slot(Option<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(slots) = self.0.take() else { return };
        loop {
            let mut state = slots.lock();
            let Some(next) = state.waiting.pop_front() else {
                state.free += 1;
                return;
            };
            drop(state);
            match next.send(Slot(Some(slots.clone()))) {
                Ok(()) => return,
                // That stream has ended: disarm the slot that came back, and try the next.
                Err(mut back) => back.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_go_to_the_next_in_line_who_still_waits() {
        let slots = Slots::new(1);
        let first = slots.take().try_recv().unwrap().unwrap();
        let gone = slots.take();
        let mut second = slots.take();
        let mut third = slots.take();
        assert!(second.try_recv().unwrap().is_none());
        drop(gone);
        drop(first);
        let second = second.try_recv().unwrap().unwrap();
        assert!(third.try_recv().unwrap().is_none());
        drop(second);
        assert!(third.try_recv().unwrap().is_some());
    }

    #[test]
    fn a_slot_that_was_granted_and_not_fetched_is_not_lost() {
        let slots = Slots::new(1);
        drop(slots.take());
        assert!(slots.take().try_recv().unwrap().is_some());
    }

    #[test]
    fn closing_sends_all_away() {
        let slots = Slots::new(1);
        let _held = slots.take().try_recv().unwrap().unwrap();
        let mut waiting = slots.take();
        drop(slots.close());
        assert!(waiting.try_recv().is_err());
        assert!(slots.take().try_recv().is_err());
    }
}
