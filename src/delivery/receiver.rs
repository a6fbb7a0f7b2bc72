//! The reader's end of the queue.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_timer::Delay;

use super::control::Control;
use super::message::Message;
use super::outlet::Item;
use super::queue::{Queue, QueueOutlet, State, NEVER};
use crate::config::Overflow;
use crate::error::Error;
use crate::util::lock::wait_on;
use crate::util::rate_limited_log::RateLimit;

/// How long a reader that has just emptied the queue lets more gather before it asks to be woken
/// by the first. A wake-up for each message would cost more than reading it; a lone alert still
/// finds the reader waiting for it.
const GATHER: Duration = Duration::from_micros(300);

pub(crate) enum Received {
    Message(Message),
    Failure(Error),
    Nothing,
    End,
}

impl From<Item> for Received {
    fn from(item: Item) -> Received {
        match item {
            Ok(message) => Received::Message(message),
            Err(error) => Received::Failure(*error),
        }
    }
}

pub(crate) struct Receiver {
    queue: Arc<Queue>,
    control: Arc<Control>,
    batch: VecDeque<Item>,
    /// Something came lately: more may follow.
    brisk: bool,
    gather: Option<Delay>,
    gathering: bool,
}

/// The two ends of a queue that holds up to `capacity` bytes, or one message that is larger.
pub(crate) fn queue(
    capacity: usize,
    overflow: Overflow,
    control: Arc<Control>,
) -> (QueueOutlet, Receiver) {
    let queue = Queue::new(capacity);
    let outlet = QueueOutlet {
        queue: queue.clone(),
        overflow,
        control: control.clone(),
        drop_log: RateLimit::one_line(),
    };
    (outlet, Receiver::new(queue, control))
}

impl Receiver {
    fn new(queue: Arc<Queue>, control: Arc<Control>) -> Receiver {
        Receiver {
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
        if let Some(item) = self.batch.pop_front() {
            return item.into();
        }
        let queue = self.queue.clone();
        let mut state = queue.lock();
        self.take(&mut state, None)
    }

    /// Waits on this thread until something comes or `deadline` is over.
    pub(crate) fn next(&mut self, deadline: Option<Instant>) -> Received {
        if let Some(item) = self.batch.pop_front() {
            return item.into();
        }
        let queue = self.queue.clone();
        let mut state = queue.lock();
        loop {
            match self.take(&mut state, None) {
                Received::Nothing => {}
                received => return received,
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Received::Nothing;
            }
            displace(&mut state, None);
            state = if self.brisk {
                state.wake_at = self.many();
                self.brisk = false;
                wait_on(
                    &queue.arrived,
                    state,
                    Some(left.map_or(GATHER, |left| left.min(GATHER))),
                )
            } else {
                state.wake_at = 1;
                wait_on(&queue.arrived, state, left)
            };
            state.wake_at = NEVER;
        }
    }

    /// The same for a task.
    pub(crate) fn poll_next(&mut self, cx: &mut Context) -> Poll<Received> {
        if let Some(item) = self.batch.pop_front() {
            return Poll::Ready(item.into());
        }
        let queue = self.queue.clone();
        loop {
            let mut state = queue.lock();
            match self.take(&mut state, Some(cx.waker())) {
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

    /// Takes what is there, for `task` or for a thread.
    fn take(&mut self, state: &mut MutexGuard<'_, State>, task: Option<&Waker>) -> Received {
        if state.items.is_empty() {
            return match state.failure.take() {
                Some(failure) => Received::Failure(failure),
                None if state.ended => Received::End,
                None => Received::Nothing,
            };
        }
        state.wake_at = NEVER;
        displace(state, task);
        self.brisk = true;
        if state.take_all(&mut self.batch) {
            self.control.wake();
        }
        self.batch
            .pop_front()
            .map_or(Received::Nothing, Received::from)
    }

    /// So much that it must not gather any longer.
    fn many(&self) -> usize {
        (self.queue.capacity / 2).max(1)
    }
}

/// Forgets the task that waits. If it is another than `task`, which takes what that one waits for,
/// it has to look again by itself.
fn displace(state: &mut State, task: Option<&Waker>) {
    if let Some(waiting) = state.waker.take() {
        if !task.is_some_and(|task| task.will_wake(&waiting)) {
            waiting.wake();
        }
    }
}
