//! The reader's end of the queue.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_timer::Delay;

use super::call::Frame;
use super::control::Control;
use super::queue::{Queue, QueueOutlet, State, NEVER};
use crate::error::Error;

/// How long a reader that has just emptied the queue lets more gather before it asks to be woken
/// by the first. A wake-up for each message would cost more than reading it; a lone alert still
/// finds the reader waiting for it.
const GATHER: Duration = Duration::from_micros(300);

pub(crate) enum Received {
    Frame(Frame),
    /// The last thing to come, once.
    Failure(Error),
    Nothing,
    End,
}

pub(crate) struct Inbox {
    queue: Arc<Queue>,
    control: Arc<Control>,
    batch: VecDeque<Frame>,
    /// Something came lately: more may follow.
    brisk: bool,
    gather: Option<Delay>,
    gathering: bool,
}

/// The two ends of a queue that holds up to `capacity` bytes, or one message that is larger.
pub(crate) fn queue(capacity: usize, control: Arc<Control>) -> (QueueOutlet, Inbox) {
    let queue = Queue::new(capacity);
    (QueueOutlet(queue.clone()), Inbox::new(queue, control))
}

impl Inbox {
    fn new(queue: Arc<Queue>, control: Arc<Control>) -> Inbox {
        Inbox {
            queue,
            control,
            batch: VecDeque::new(),
            brisk: false,
            gather: None,
            gathering: false,
        }
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// What is here now, without waiting.
    pub(crate) fn try_next(&mut self) -> Received {
        if let Some(frame) = self.batch.pop_front() {
            return Received::Frame(frame);
        }
        let queue = self.queue.clone();
        let mut state = queue.lock();
        self.take(&mut state)
    }

    /// Waits on this thread until something comes or `deadline` is over.
    pub(crate) fn next(&mut self, deadline: Option<Instant>) -> Received {
        if let Some(frame) = self.batch.pop_front() {
            return Received::Frame(frame);
        }
        let queue = self.queue.clone();
        let mut state = queue.lock();
        loop {
            match self.take(&mut state) {
                Received::Nothing => {}
                received => return received,
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Received::Nothing;
            }
            state.waker = None;
            state = if self.brisk {
                state.wake_at = self.many();
                self.brisk = false;
                wait(
                    &queue,
                    state,
                    Some(left.map_or(GATHER, |left| left.min(GATHER))),
                )
            } else {
                state.wake_at = 1;
                wait(&queue, state, left)
            };
            state.wake_at = NEVER;
        }
    }

    /// The same for a task.
    pub(crate) fn poll_next(&mut self, cx: &mut Context) -> Poll<Received> {
        if let Some(frame) = self.batch.pop_front() {
            return Poll::Ready(Received::Frame(frame));
        }
        let queue = self.queue.clone();
        loop {
            let mut state = queue.lock();
            match self.take(&mut state) {
                Received::Nothing => {}
                received => {
                    self.gathering = false;
                    return Poll::Ready(received);
                }
            }
            state.wake_at = if self.brisk { self.many() } else { 1 };
            state.waker = Some(cx.waker().clone());
            drop(state);
            if !self.brisk || self.poll_gather(cx).is_pending() {
                return Poll::Pending;
            }
            self.brisk = false;
        }
    }

    fn poll_gather(&mut self, cx: &mut Context) -> Poll<()> {
        let gather = self.gather.get_or_insert_with(|| Delay::new(GATHER));
        if !self.gathering {
            self.gathering = true;
            gather.reset(GATHER);
        }
        std::task::ready!(Pin::new(gather).poll(cx));
        self.gathering = false;
        Poll::Ready(())
    }

    fn take(&mut self, state: &mut MutexGuard<'_, State>) -> Received {
        if state.frames.is_empty() {
            return match state.failure.take() {
                Some(failure) => Received::Failure(failure),
                None if state.ended => Received::End,
                None => Received::Nothing,
            };
        }
        state.wake_at = NEVER;
        state.waker = None;
        self.brisk = true;
        if state.take_all(&mut self.batch) {
            self.control.wake();
        }
        self.batch
            .pop_front()
            .map_or(Received::Nothing, Received::Frame)
    }

    /// So much that it must not gather any longer.
    fn many(&self) -> usize {
        (self.queue.capacity / 2).max(1)
    }
}

fn wait<'a>(
    queue: &'a Queue,
    state: MutexGuard<'a, State>,
    most: Option<Duration>,
) -> MutexGuard<'a, State> {
    match most {
        Some(most) => {
            let waited = queue.arrived.wait_timeout(state, most);
            waited.unwrap_or_else(PoisonError::into_inner).0
        }
        None => queue
            .arrived
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner),
    }
}
