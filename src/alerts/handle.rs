//! Inspects and ends a sequence, from any thread.

use std::fmt;
use std::sync::Arc;

use super::debug;
use crate::delivery::{Control, Counters, State};

/// Inspects an [`Alerts`](crate::Alerts) or a [`Watch`](crate::Watch), and ends it, from any thread.
///
/// Falco forgets an alert when it is written: [`close`](Handle::close) receives the alerts in flight,
/// [`cancel`](Handle::cancel) loses them.
#[derive(Clone)]
pub struct Handle {
    control: Arc<Control>,
}

impl Handle {
    pub(crate) fn new(control: Arc<Control>) -> Handle {
        Handle { control }
    }

    /// Returns the state of the controlled sequence.
    pub fn state(&self) -> State {
        self.control.state()
    }

    /// Returns what the controlled sequence has received so far, in numbers.
    pub fn counters(&self) -> Counters {
        self.control.counters.snapshot()
    }

    /// Ends the sequence without losing an alert: requests no more, receives the alerts in flight and
    /// delivers them.
    ///
    /// Over gRPC, nothing is taken to be in flight once nothing has arrived for
    /// [`Config::closing_silence`](crate::Config::closing_silence) and Falco has then answered a
    /// `version` call, within 5 s. Falco answers a `get`, and the last request of a subscription,
    /// until its queue is empty, so that the end may take long under load. It is allowed to
    /// [`cancel`](Handle::cancel) after this.
    pub fn close(&self) {
        self.control.close();
    }

    /// Ends the sequence at once. Alerts in the queue are still delivered; those in flight, and those
    /// that gRPC holds and has not delivered, are lost.
    pub fn cancel(&self) {
        self.control.cancel();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "Handle", &self.control)
    }
}
