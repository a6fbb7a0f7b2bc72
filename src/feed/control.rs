//! What a reader and a running pump tell each other.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use futures::task::AtomicWaker;

use super::call::Message;
use super::counters::Tally;
use super::intake::Bell;
use super::state::{Observer, Standing, State};
use crate::alert::Alert;
use crate::endpoint::Endpoint;
use crate::error::Result;

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

pub(crate) struct Control {
    wish: AtomicU8,
    pump: AtomicWaker,
    /// Of a source that is not pulled.
    bell: OnceLock<Weak<Bell>>,
    standing: Standing,
    endpoint: Endpoint,
    pub(crate) tally: Tally,
}

impl Control {
    pub(crate) fn new(endpoint: Endpoint) -> Arc<Control> {
        Arc::new(Control {
            wish: AtomicU8::default(),
            pump: AtomicWaker::default(),
            bell: OnceLock::new(),
            standing: Standing::default(),
            endpoint,
            tally: Tally::default(),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
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
        if let Some(bell) = self.bell.get().and_then(Weak::upgrade) {
            bell.ring();
        }
    }

    /// Rings a bell with each wake-up from now on. Once.
    pub(super) fn ring(&self, bell: Weak<Bell>) {
        let _ = self.bell.set(bell);
    }

    pub(super) fn register(&self, pump: &Waker) {
        self.pump.register(pump);
    }

    /// The pump has ended: who keeps a handle shall not keep the call.
    pub(super) fn forget(&self) {
        drop(self.pump.take());
    }

    pub(crate) fn state(&self) -> State {
        self.standing.state()
    }

    pub(crate) fn observe(&self, observer: Observer) {
        self.standing.observe(observer);
    }

    pub(crate) fn set(&self, state: State) -> bool {
        self.standing.set(state)
    }

    /// What `message` is, counted.
    pub(crate) fn read(&self, message: Message) -> Result<Alert> {
        let mut alert = Alert::from_bytes(message);
        if self.endpoint.is_native() {
            alert = alert.map(Alert::into_native);
        }
        match &alert {
            Ok(alert) if alert.is_repaired() => self.tally.repaired(),
            Ok(_) => {}
            Err(_) => self.tally.undecodable(),
        }
        alert
    }

    pub(crate) fn wished(&self) -> Wish {
        WISHES[usize::from(self.wish.load(Ordering::Acquire)).min(WISHES.len() - 1)]
    }
}
