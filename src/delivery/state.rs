//! How a sequence stands, and who is told when that changes.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use crate::util::lock::lock;

/// How a sequence of alerts stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum State {
    /// The first connection is being made. A [`get`](crate::Client::get) stays here until it ends.
    #[default]
    Connecting,
    /// The connection stands, and Falco has been asked for alerts.
    Following,
    /// Alerts cannot come now: the connection or the subscription has ended and is made again, or
    /// Falco does not serve it.
    #[non_exhaustive]
    Waiting {
        /// What happened, and the remedy where it needs one.
        why: Arc<str>,
        /// Since when no alert could come.
        since: SystemTime,
        /// When the next attempt begins; in the past while it is being made.
        next: SystemTime,
    },
    /// Nothing follows, but for what still waits in the queue.
    Ended,
}

impl State {
    fn is_waiting(&self) -> bool {
        matches!(self, State::Waiting { .. })
    }

    /// Whether more has changed than the time of the next attempt.
    fn differs(&self, other: &State) -> bool {
        match (self, other) {
            (State::Waiting { why, .. }, State::Waiting { why: other, .. }) => why != other,
            (one, other) => one != other,
        }
    }
}

pub(crate) type Observer = Box<dyn FnMut(&State) + Send>;

#[derive(Default)]
pub(super) struct Observed(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    state: State,
    /// How often the state has changed.
    changes: u64,
    observers: Vec<Observer>,
}

impl Observed {
    pub(super) fn state(&self) -> State {
        self.lock().state.clone()
    }

    /// Changes the state, and tells whether that is news for a log: a way from following to
    /// waiting or back, not another attempt that failed.
    ///
    /// Only the pump calls it, so that observers hear of the changes in their order.
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
        // They may ask for the state, or bring more observers.
        drop(inner);
        observers.retain_mut(|observer| tell(observer, &state));
        if state != State::Ended {
            self.lock().observers.append(&mut observers);
        }
        news
    }

    /// Tells `observer` the state now, and each change from now on.
    pub(super) fn observe(&self, mut observer: Observer) {
        let mut told = None;
        loop {
            let mut inner = self.lock();
            if told == Some(inner.changes) {
                if inner.state != State::Ended {
                    inner.observers.push(observer);
                }
                return;
            }
            told = Some(inner.changes);
            let state = inner.state.clone();
            drop(inner);
            if !tell(&mut observer, &state) {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

/// Whether the observer can be told again. A panic of his must not end the thread, which serves others.
fn tell(observer: &mut Observer, state: &State) -> bool {
    let told = catch_unwind(AssertUnwindSafe(|| observer(state)));
    if told.is_err() {
        log::error!("a function given to on_change panicked; it is not called again");
    }
    told.is_ok()
}
