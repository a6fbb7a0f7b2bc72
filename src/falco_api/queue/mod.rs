//! The alerts that clients pop: one queue for all of them, as in Falco, or one for each subscriber.

mod drain;
mod reader;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
#[cfg(feature = "relay")]
use std::time::{Duration, Instant};

use super::outstanding::Outstanding;
use crate::util::lock::lock;
#[cfg(feature = "relay")]
use crate::util::lock::{time_until, wait_on};

pub(crate) use drain::QueueDrain;
pub(crate) use reader::QueueReader;

/// Serialised alerts that no client has taken yet. As in Falco, without a bound.
#[derive(Default)]
pub(crate) struct Queue {
    queues: Mutex<Queues>,
    written: AtomicU64,
    /// Something was taken, or the queue has ended.
    taken: Condvar,
    /// Each subscriber has a queue of its own.
    fan_out: bool,
    /// How far it may be ahead of its clients.
    ahead: Ahead,
}

/// How far a queue of numbered alerts may be ahead of its clients.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ahead {
    /// How many numbers may lie between the lowest that is not yet written and the last.
    pub alerts: usize,
    /// How many bytes may not yet be written.
    pub bytes: usize,
}

/// Whether a queue takes more.
#[cfg(feature = "relay")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    Free,
    /// None became free in time; whether any client is there to take something.
    None {
        served: bool,
    },
    /// The queue has ended.
    Ended,
}

#[derive(Default)]
struct Queues {
    /// The queue of all streams; with a queue for each, what came while there was no subscriber.
    shared: VecDeque<Queued>,
    own: HashMap<u64, VecDeque<Queued>>,
    /// How many streams are served.
    readers: usize,
    next_subscriber: u64,
    next_number: u64,
    outstanding: Outstanding,
    #[cfg(feature = "relay")]
    ended: bool,
}

#[derive(Clone)]
struct Queued {
    number: u64,
    bytes: Box<[u8]>,
}

impl Queue {
    pub fn new(fan_out: bool, ahead: Ahead) -> Queue {
        Queue {
            fan_out,
            ahead,
            ..Queue::default()
        }
    }

    #[cfg(feature = "server")]
    pub fn push(&self, alert: Vec<u8>) {
        // Boxed before the lock: it may copy, and without spare capacity C-core takes it over.
        let bytes = alert.into_boxed_slice();
        let mut queues = self.lock();
        let number = queues.next_number;
        queues.put(Queued { number, bytes });
    }

    /// Appends an alert with a number above those before. [`released`](Queue::released) says when it is
    /// written.
    #[cfg(feature = "relay")]
    pub fn push_numbered(&self, number: u64, alert: Vec<u8>) {
        let bytes = alert.into_boxed_slice();
        let mut queues = self.lock();
        let holders = queues.own.len().max(1);
        queues.outstanding.insert(number, holders, bytes.len());
        queues.put(Queued { number, bytes });
    }

    /// Waits until the lowest number that is not yet written differs from `known`, and returns it. None
    /// once the queue has ended.
    #[cfg(feature = "relay")]
    pub fn released(&self, known: u64) -> Option<u64> {
        let mut queues = self.lock();
        loop {
            let released = queues.outstanding.first().unwrap_or(queues.next_number);
            if released != known {
                return Some(released);
            }
            if queues.ended {
                return None;
            }
            queues = wait_on(&self.taken, queues, None);
        }
    }

    /// Waits until more may be pushed, for at most this time.
    #[cfg(feature = "relay")]
    pub fn wait_for_room(&self, within: Duration) -> Room {
        let until = Instant::now() + within;
        let mut queues = self.lock();
        loop {
            if queues.ended {
                return Room::Ended;
            }
            if queues.has_room(self.ahead) {
                return Room::Free;
            }
            let left = time_until(until);
            if left.is_zero() {
                let served = queues.readers > 0;
                return Room::None { served };
            }
            queues = wait_on(&self.taken, queues, Some(left));
        }
    }

    /// Wakes who waits for something to be written: nothing will be.
    #[cfg(feature = "relay")]
    pub fn end(&self) {
        self.lock().ended = true;
        self.taken.notify_all();
    }

    #[cfg(feature = "server")]
    pub fn len(&self) -> usize {
        let queues = self.lock();
        let own = queues.own.values().map(VecDeque::len).max();
        queues.shared.len() + own.unwrap_or(0)
    }

    #[cfg(feature = "server")]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Begins a stream's part in the queue, which ends when it is dropped.
    pub fn subscribe(&self) -> QueueReader<'_> {
        let mut queues = self.lock();
        queues.readers += 1;
        let own = self.fan_out.then(|| {
            let subscriber = queues.next_subscriber;
            queues.next_subscriber += 1;
            // The first subscriber gets what came before any was there.
            let held = std::mem::take(&mut queues.shared);
            queues.own.insert(subscriber, held);
            subscriber
        });
        drop(queues);
        QueueReader { queue: self, own }
    }

    /// A part in the queue of all streams.
    pub fn read(&self) -> QueueReader<'_> {
        self.lock().readers += 1;
        QueueReader {
            queue: self,
            own: None,
        }
    }

    pub fn drain(&self) -> QueueDrain<'_> {
        QueueDrain {
            queue: self,
            own: None,
            ahead: None,
            writing: None,
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
        let mut queues = self.lock();
        let alert = queues.shared.pop_front()?;
        queues.outstanding.release(alert.number);
        self.taken.notify_all();
        Some(alert.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        lock(&self.queues)
    }
}

impl Queues {
    fn put(&mut self, alert: Queued) {
        self.next_number = alert.number + 1;
        let mut last = None;
        for queue in self.own.values_mut() {
            if let Some(before) = last.replace(queue) {
                before.push_back(Queued {
                    number: alert.number,
                    bytes: alert.bytes.clone(),
                });
            }
        }
        last.unwrap_or(&mut self.shared).push_back(alert);
    }

    fn queue(&mut self, own: Option<u64>) -> &mut VecDeque<Queued> {
        match own {
            Some(subscriber) => self.own.entry(subscriber).or_default(),
            None => &mut self.shared,
        }
    }

    fn has_room(&self, ahead: Ahead) -> bool {
        let first = self.outstanding.first().unwrap_or(self.next_number);
        let behind = self.next_number.saturating_sub(first);
        behind < ahead.alerts as u64 && self.outstanding.bytes() < ahead.bytes
    }

    /// Gives back what a drain has not written.
    fn give_back(&mut self, alert: Queued, own: Option<u64>) {
        if own.is_some() || self.own.is_empty() {
            return self.queue(own).push_front(alert);
        }
        // It was in the shared queue, and by now there are subscribers, each of which gets all.
        self.outstanding
            .add_holders(alert.number, self.own.len() - 1);
        for queue in self.own.values_mut() {
            queue.push_front(alert.clone());
        }
    }

    /// Removes a subscriber. What the last one leaves is for the next to come.
    fn leave(&mut self, subscriber: u64) {
        let left = self.own.remove(&subscriber).unwrap_or_default();
        if self.own.is_empty() {
            self.shared.extend(left);
            return;
        }
        for alert in left {
            self.outstanding.release(alert.number);
        }
    }
}

#[cfg(all(test, feature = "server"))]
mod tests;
