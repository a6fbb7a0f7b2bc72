//! The reader's end of the queue, for threads and for async tasks.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_timer::Delay;

use super::checkpoints::{Checkpoints, Mark};
use super::control::{Control, Mode};
use super::message::Message;
use super::outlet::MessageResult;
use super::queue::{AlertQueue, QueueOutlet, QueueState, NEVER};
use super::spares::Spares;
use crate::config::Overflow;
use crate::error::Error;
use crate::util::lock::wait_on;
use crate::util::rate_limited_log::RateLimit;

/// After a reader has emptied the queue, it waits this long for several messages before it asks to be
/// woken by the first: a wake-up for each message would cost more than reading it. A reader that has
/// waited longer is woken by a single alert at once.
const GATHER: Duration = Duration::from_micros(300);

pub(crate) enum Received {
    Message(Message),
    Failure(Error),
    Nothing,
    End,
}

impl From<MessageResult> for Received {
    fn from(item: MessageResult) -> Received {
        match item {
            Ok(message) => Received::Message(message),
            Err(error) => Received::Failure(*error),
        }
    }
}

pub(crate) struct Receiver {
    queue: Arc<AlertQueue>,
    control: Arc<Control>,
    batch: VecDeque<MessageResult>,
    /// The buffers of what was read of the batch, if its source takes them back.
    spares: Option<Spares>,
    /// The number of the message that its reader has now: read once the next one is asked for, unless the
    /// reader says so itself.
    current: u64,
    checkpoints: Option<Arc<Checkpoints>>,
    /// Messages arrived since the last wait: more may follow soon.
    recently_received: bool,
    /// The timer of a task that gathers.
    gather: Option<Delay>,
    gathering: bool,
}

/// Creates a queue of up to `capacity` bytes, or of one message that is larger.
pub(crate) fn queue(
    capacity: usize,
    overflow: Overflow,
    control: Arc<Control>,
) -> (QueueOutlet, Receiver) {
    let queue = AlertQueue::new(capacity);
    let outlet = QueueOutlet {
        queue: queue.clone(),
        overflow,
        control: control.clone(),
        spares: None,
        drop_log: RateLimit::one_line(),
    };
    (outlet, Receiver::new(queue, control))
}

impl Receiver {
    fn new(queue: Arc<AlertQueue>, control: Arc<Control>) -> Receiver {
        Receiver {
            queue,
            control,
            batch: VecDeque::new(),
            spares: None,
            current: 0,
            checkpoints: None,
            recently_received: false,
            gather: None,
            gathering: false,
        }
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Covers what was received until now. From the first call on, nothing is read that is not covered and
    /// reached.
    pub(crate) fn checkpoint(&mut self) -> Mark {
        let control = &self.control;
        let checkpoints = self
            .checkpoints
            .get_or_insert_with(|| Checkpoints::new(control.clone()));
        checkpoints.cover(self.current)
    }

    /// Returns what has arrived, without waiting.
    pub(crate) fn try_next(&mut self) -> Received {
        if let Some(item) = self.pop() {
            return item;
        }
        let queue = self.queue.clone();
        let mut state = queue.lock();
        self.take(&mut state, None)
    }

    /// Blocks until something arrives, at most until `deadline`.
    pub(crate) fn next(&mut self, deadline: Option<Instant>) -> Received {
        if let Some(item) = self.pop() {
            return item;
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
            wake_other_task(&mut state, None);
            state = if self.recently_received {
                state.wake_at = self.gather_limit();
                self.recently_received = false;
                wait_on(
                    &queue.arrived,
                    state,
                    Some(left.map_or(GATHER, |left| left.min(GATHER))),
                )
            } else {
                state.wake_at = 1;
                if let Some(spares) = &mut state.spares {
                    spares.shrink();
                }
                wait_on(&queue.arrived, state, left)
            };
            state.wake_at = NEVER;
        }
    }

    /// As [`next`](Receiver::next), for a task.
    pub(crate) fn poll_next(&mut self, cx: &mut Context) -> Poll<Received> {
        if let Some(item) = self.pop() {
            return Poll::Ready(item);
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
            state.wake_at = if self.recently_received {
                self.gather_limit()
            } else {
                if let Some(spares) = &mut state.spares {
                    spares.shrink();
                }
                1
            };
            state.waker = Some(cx.waker().clone());
            drop(state);
            if !self.recently_received || self.poll_gather(cx).is_pending() {
                return Poll::Pending;
            }
            self.recently_received = false;
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

    /// Takes everything out of the queue, for `task` or for a thread, and returns the first of it.
    fn take(&mut self, state: &mut MutexGuard<'_, QueueState>, task: Option<&Waker>) -> Received {
        if state.items.is_empty() {
            if let Some(checkpoints) = &self.checkpoints {
                checkpoints.is_empty_after(state.last);
            } else if state.last != 0 {
                self.control.mark_read(state.last);
                if self.control.mode() != Mode::Run {
                    // The source waits for it before its end.
                    self.control.wake();
                }
            }
            return match state.failure.take() {
                Some(failure) => Received::Failure(failure),
                None if state.ended => Received::End,
                None => Received::Nothing,
            };
        }
        state.wake_at = NEVER;
        wake_other_task(state, task);
        self.recently_received = true;
        if let Some(spares) = &mut state.spares {
            spares.gather(self.spares.get_or_insert_default(), self.queue.capacity);
        }
        if state.take_all(&mut self.batch) {
            self.control.wake();
        }
        self.pop().unwrap_or(Received::Nothing)
    }

    /// The next of what was taken out of the queue. What came before it is read by then.
    fn pop(&mut self) -> Option<Received> {
        if self.checkpoints.is_none() && self.current != 0 {
            self.control.mark_read(self.current);
            self.current = 0;
        }
        let mut item = self.batch.pop_front()?;
        if let Ok(message) = &mut item {
            self.current = self.current.max(message.number);
            if let Some(spares) = &mut self.spares {
                message.bytes = spares.exchange(std::mem::take(&mut message.bytes));
            }
        }
        Some(item.into())
    }

    /// At this size the reader is woken although it gathers.
    fn gather_limit(&self) -> usize {
        (self.queue.capacity / 2).max(1)
    }
}

/// Removes the waiting task. If it is not `task`, it is woken to poll again, as `task` takes what it
/// waits for.
fn wake_other_task(state: &mut QueueState, task: Option<&Waker>) {
    if let Some(waiting) = state.waker.take() {
        if !task.is_some_and(|task| task.will_wake(&waiting)) {
            waiting.wake();
        }
    }
}
