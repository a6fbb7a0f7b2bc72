//! What a reader and a running source tell each other.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use futures::task::AtomicWaker;

use super::counters::Tally;
use super::message::Message;
use super::state::{Observed, Observer, State};
use super::wake::Bell;
use crate::alert::Alert;
use crate::endpoint::Endpoint;
use crate::error::Result;

/// What a source shall do, each stronger than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Mode {
    Run,
    /// Ask for no more, take what is in flight.
    Close,
    /// Cancel the call, and deliver what was pulled out of it before.
    Cancel,
    /// Cancel the call. Nobody reads any more.
    Abandon,
}

const MODES: [Mode; 4] = [Mode::Run, Mode::Close, Mode::Cancel, Mode::Abandon];

pub(crate) struct Control {
    mode: AtomicU8,
    /// Of a source that is pulled.
    puller: AtomicWaker,
    /// Of a source that is not.
    bell: OnceLock<Weak<Bell>>,
    observed: Observed,
    endpoint: Endpoint,
    pub(crate) tally: Tally,
}

impl Control {
    pub(crate) fn new(endpoint: Endpoint) -> Arc<Control> {
        Arc::new(Control {
            mode: AtomicU8::default(),
            puller: AtomicWaker::default(),
            bell: OnceLock::new(),
            observed: Observed::default(),
            endpoint,
            tally: Tally::default(),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn close(&self) {
        self.raise(Mode::Close);
    }

    pub(crate) fn cancel(&self) {
        self.raise(Mode::Cancel);
    }

    pub(crate) fn abandon(&self) {
        self.raise(Mode::Abandon);
    }

    fn raise(&self, mode: Mode) {
        self.mode.fetch_max(mode as u8, Ordering::Release);
        self.wake();
    }

    pub(crate) fn mode(&self) -> Mode {
        MODES[usize::from(self.mode.load(Ordering::Acquire)).min(MODES.len() - 1)]
    }

    /// Lets the source look again: at the mode, or at the room in its outlet.
    pub(crate) fn wake(&self) {
        self.puller.wake();
        if let Some(bell) = self.bell.get().and_then(Weak::upgrade) {
            bell.ring();
        }
    }

    /// Rings a bell with each wake-up from now on. Once.
    pub(super) fn ring(&self, bell: Weak<Bell>) {
        let _ = self.bell.set(bell);
    }

    /// Wakes the task of a source that is pulled.
    pub(crate) fn register(&self, puller: &Waker) {
        self.puller.register(puller);
    }

    /// That task has ended: a handle that is kept shall not keep the call.
    pub(crate) fn forget(&self) {
        drop(self.puller.take());
    }

    pub(crate) fn state(&self) -> State {
        self.observed.state()
    }

    pub(crate) fn observe(&self, observer: Observer) {
        self.observed.observe(observer);
    }

    pub(crate) fn set(&self, state: State) -> bool {
        self.observed.set(state)
    }

    /// Decodes a message, and counts what it is.
    pub(crate) fn read(&self, message: Message) -> Result<Alert> {
        match message.decode() {
            Ok(alert) => {
                if alert.is_lossy() {
                    self.tally.lossy();
                }
                Ok(alert)
            }
            Err(error) => {
                self.tally.undecodable();
                Err(error.received_from(&self.endpoint))
            }
        }
    }
}
