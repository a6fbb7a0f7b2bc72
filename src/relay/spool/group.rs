//! Puts that are stored together: all that wait while a commit runs are in the next one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};

use super::entry::Incoming;
use super::store::cost;
use crate::util::lock::{lock, wait_on};

/// How much is stored in one commit, unless a single put has more.
const MOST_BYTES: u64 = 4 << 20;

/// What one thread puts, and what has become of it.
pub(super) struct Put {
    /// What is not stored.
    pub alerts: Vec<Incoming>,
    pub outcome: PutOutcome,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PutOutcome {
    Stored,
    /// There is no room.
    Full,
    /// The store has failed.
    Failed,
    /// Nothing more is stored.
    Closed,
}

/// The threads that put something. One of them, the leader, stores what all have put until then. The
/// others wait, each for its own outcome.
#[derive(Default)]
pub(super) struct Group {
    queue: Mutex<GroupQueue>,
}

#[derive(Default)]
struct GroupQueue {
    waiting: VecDeque<Arc<Ticket>>,
    is_led: bool,
}

/// What a thread waits with.
struct Ticket {
    state: Mutex<TicketState>,
    changed: Condvar,
}

enum TicketState {
    Waits(Vec<Incoming>),
    /// Its thread is the leader now.
    Leads(Vec<Incoming>),
    /// The leader has what it was put with.
    Taken,
    Done(Put),
}

impl Group {
    /// Puts alerts, which this thread or another stores with `store`, together with those of others.
    pub(super) fn put(&self, alerts: Vec<Incoming>, store: impl FnOnce(&mut [Put])) -> Put {
        let ticket = Arc::new(Ticket {
            state: Mutex::new(TicketState::Waits(alerts)),
            changed: Condvar::new(),
        });
        let is_leader = {
            let mut queue = lock(&self.queue);
            queue.waiting.push_back(ticket.clone());
            !std::mem::replace(&mut queue.is_led, true)
        };
        if !is_leader {
            if let Some(done) = ticket.wait() {
                return done;
            }
        }
        let mut leader = Leader {
            group: self,
            puts: Vec::new(),
            tickets: Vec::new(),
        };
        leader.take();
        store(&mut leader.puts);
        drop(leader);
        // A leader is the first of those that wait, and so has stored its own.
        ticket.wait().unwrap_or_else(|| Put::of(Vec::new()))
    }

    /// How many threads wait for the next commit, while one leads.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> Option<usize> {
        let queue = lock(&self.queue);
        queue.is_led.then_some(queue.waiting.len())
    }
}

impl Put {
    /// As long as nothing is known of it, it counts as failed.
    fn of(alerts: Vec<Incoming>) -> Put {
        Put {
            alerts,
            outcome: PutOutcome::Failed,
        }
    }

    pub(super) fn cost(&self) -> u64 {
        let costs = self
            .alerts
            .iter()
            .map(|alert| cost(alert.message.bytes.len()));
        costs.sum()
    }
}

impl Ticket {
    /// Waits for the outcome. None where this thread is to lead.
    fn wait(&self) -> Option<Put> {
        let mut state = lock(&self.state);
        loop {
            match std::mem::replace(&mut *state, TicketState::Taken) {
                TicketState::Done(put) => return Some(put),
                TicketState::Leads(alerts) => {
                    *state = TicketState::Waits(alerts);
                    return None;
                }
                before => *state = before,
            }
            state = wait_on(&self.changed, state, None);
        }
    }

    fn lead(&self) {
        let mut state = lock(&self.state);
        if let TicketState::Waits(alerts) = &mut *state {
            *state = TicketState::Leads(std::mem::take(alerts));
        }
        self.changed.notify_one();
    }

    fn take(&self) -> Vec<Incoming> {
        match std::mem::replace(&mut *lock(&self.state), TicketState::Taken) {
            TicketState::Waits(alerts) | TicketState::Leads(alerts) => alerts,
            TicketState::Taken | TicketState::Done(_) => Vec::new(),
        }
    }

    fn done(&self, put: Put) {
        *lock(&self.state) = TicketState::Done(put);
        self.changed.notify_one();
    }
}

/// Leads, until it is dropped: also where storing panics, no other thread waits in vain.
struct Leader<'a> {
    group: &'a Group,
    puts: Vec<Put>,
    /// Of each of these.
    tickets: Vec<Arc<Ticket>>,
}

impl Leader<'_> {
    /// Takes what is to be stored together: at least what is first.
    fn take(&mut self) {
        let mut queue = lock(&self.group.queue);
        let mut bytes = 0;
        while bytes < MOST_BYTES {
            let Some(ticket) = queue.waiting.pop_front() else {
                return;
            };
            let put = Put::of(ticket.take());
            bytes += put.cost();
            self.puts.push(put);
            self.tickets.push(ticket);
        }
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.group.queue);
        match queue.waiting.front() {
            Some(next) => next.lead(),
            None => queue.is_led = false,
        }
        drop(queue);
        // The next commit runs by now.
        for (ticket, put) in self.tickets.drain(..).zip(self.puts.drain(..)) {
            ticket.done(put);
        }
    }
}
