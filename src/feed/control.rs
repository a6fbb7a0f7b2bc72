//! What a reader tells a running pump.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use futures::task::AtomicWaker;

/// What the pump shall do, each stronger than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Wish {
    Run,
    /// Ask no more, take what is on its way.
    Close,
    /// Cancel the call, and deliver what was pulled out of it before.
    Cancel,
    /// Cancel the call. Nobody reads any more.
    Abandon,
}

const WISHES: [Wish; 4] = [Wish::Run, Wish::Close, Wish::Cancel, Wish::Abandon];

/// How a sequence of alerts stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum State {
    /// The first connection is being made. A [`get`](crate::Client::get) stays here until it ends.
    #[default]
    Connecting,
    /// The connection stands, and Falco has been asked for alerts.
    Following,
    /// The connection or the subscription has ended, and is made again as soon as it can be.
    Waiting {
        /// What happened, and the remedy where it needs one.
        why: Arc<str>,
    },
    /// Nothing follows, but for what still waits in the queue.
    Ended,
}

#[derive(Default)]
pub(crate) struct Control {
    wish: AtomicU8,
    pump: AtomicWaker,
    state: Mutex<State>,
}

impl Control {
    pub(crate) fn new() -> Arc<Control> {
        Arc::default()
    }

    pub(crate) fn close(&self) {
        self.wish(Wish::Close);
    }

    pub(crate) fn cancel(&self) {
        self.wish(Wish::Cancel);
    }

    pub(crate) fn abandon(&self) {
        self.wish(Wish::Abandon);
    }

    fn wish(&self, wish: Wish) {
        self.wish.fetch_max(wish as u8, Ordering::Release);
        self.wake();
    }

    /// Lets the pump look again: at the wish, or at the room in its outlet.
    pub(crate) fn wake(&self) {
        self.pump.wake();
    }

    pub(super) fn register(&self, pump: &Waker) {
        self.pump.register(pump);
    }

    /// The pump has ended: who keeps a handle shall not keep the call.
    pub(super) fn forget(&self) {
        drop(self.pump.take());
    }

    pub(crate) fn state(&self) -> State {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes the state, and tells whether that is news: a way from following to waiting or back,
    /// not another attempt that failed.
    pub(super) fn set(&self, state: State) -> bool {
        let waits = |state: &State| matches!(state, State::Waiting { .. });
        let mut now = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let news = waits(&now) != waits(&state);
        *now = state;
        news
    }

    pub(super) fn wished(&self) -> Wish {
        WISHES[usize::from(self.wish.load(Ordering::Acquire)).min(WISHES.len() - 1)]
    }
}
