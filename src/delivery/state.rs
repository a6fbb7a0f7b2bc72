//! The state of a sequence, and its observers.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use crate::util::lock::lock;

/// The state of a sequence of alerts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum State {
    /// The first connection is being made. A [`get`](crate::Client::get) stays here until it ends.
    #[default]
    Connecting,
    /// The connection is open, and Falco has been asked for alerts.
    Following,
    /// No alert can arrive now: the connection or the subscription was lost and is being made again,
    /// or Falco does not serve it.
    #[non_exhaustive]
    Waiting {
        /// What happened, and the remedy if there is one.
        why: Arc<str>,
        /// Since when no alert could arrive.
        since: SystemTime,
        /// When the next attempt begins; in the past while it is being made.
        next: SystemTime,
    },
    /// Nothing follows, except what is still in the queue.
    Ended,
}

impl State {
    fn is_waiting(&self) -> bool {
        matches!(self, State::Waiting { .. })
    }

    /// Whether more differs than the time of the next attempt.
    fn differs(&self, other: &State) -> bool {
        match (self, other) {
            (State::Waiting { why, .. }, State::Waiting { why: other, .. }) => why != other,
            (one, other) => one != other,
        }
    }
}

pub(crate) type Observer = Box<dyn FnMut(&State) + Send>;

#[derive(Default)]
pub(super) struct Observed(Mutex<ObservedState>);

#[derive(Default)]
struct ObservedState {
    state: State,
    /// How often the state has changed.
    changes: u64,
    observers: Vec<Observer>,
}

impl Observed {
    pub(super) fn state(&self) -> State {
        self.lock().state.clone()
    }

    /// Changes the state. Whether the change is worth a line in a log: from following to waiting or
    /// back, not another attempt that failed.
    ///
    /// Only the source calls it, so that observers see the changes in order.
    pub(super) fn set(&self, mut state: State) -> bool {
        let mut inner = self.lock();
        if let (State::Waiting { since, .. }, State::Waiting { since: first, .. }) =
            (&mut state, &inner.state)
        {
            *since = *first;
        }
        let news = inner.state.is_waiting() != state.is_waiting();
        let differs = inner.state.differs(&state);
        inner.state = state.clone();
        if !differs {
            return news;
        }
        inner.changes += 1;
        let mut observers = std::mem::take(&mut inner.observers);
        // Observers may read the state, or add more observers.
        drop(inner);
        observers.retain_mut(|observer| notify(observer, &state));
        if state != State::Ended {
            self.lock().observers.append(&mut observers);
        }
        news
    }

    /// Calls `observer` with the current state, and with each change from now on.
    pub(super) fn observe(&self, mut observer: Observer) {
        let mut seen = None;
        loop {
            let mut inner = self.lock();
            if seen == Some(inner.changes) {
                if inner.state != State::Ended {
                    inner.observers.push(observer);
                }
                return;
            }
            seen = Some(inner.changes);
            let state = inner.state.clone();
            drop(inner);
            if !notify(&mut observer, &state) {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, ObservedState> {
        lock(&self.0)
    }
}

/// Calls an observer. Whether it can be called again: its panic must not end the thread, which serves
/// other sequences too.
fn notify(observer: &mut Observer, state: &State) -> bool {
    let called = catch_unwind(AssertUnwindSafe(|| observer(state)));
    if called.is_err() {
        log::error!("a function given to on_change panicked; it is not called again");
    }
    called.is_ok()
}
