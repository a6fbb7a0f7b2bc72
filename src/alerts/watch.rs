//! A call whose alerts go to a callback.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::channel::oneshot;

use super::{debug, Handle};
use crate::delivery::{Control, Counters, State};
use crate::error::{Error, Result};
use crate::util::thread::on_delivery_thread;
use crate::util::wait::wait;

/// A call whose alerts go to a callback, as [`Client::get_with`](crate::Client::get_with) and
/// [`Client::subscribe_with`](crate::Client::subscribe_with) return it.
///
/// It is a future of the result of the call, for which [`wait`](Watch::wait) blocks. Dropping it
/// cancels the call.
#[must_use = "dropping it cancels the call"]
pub struct Watch {
    control: Arc<Control>,
    done: oneshot::Receiver<Result<()>>,
}

impl Watch {
    pub(crate) fn new(control: Arc<Control>, done: oneshot::Receiver<Result<()>>) -> Watch {
        Watch { control, done }
    }

    /// Waits until the call has ended.
    ///
    /// # Errors
    ///
    /// The error that ended the call; [`Error::CallbackPanicked`]; [`Error::WouldDeadlock`] inside a
    /// callback, where the call is cancelled, as dropping the watch does.
    pub fn wait(self) -> Result<()> {
        if on_delivery_thread() {
            return Err(Error::WouldDeadlock {
                call: "Watch::wait",
            });
        }
        wait(self)
    }

    /// Returns the current state.
    pub fn state(&self) -> State {
        self.control.state()
    }

    /// Returns what has been received so far, in numbers.
    pub fn counters(&self) -> Counters {
        self.control.counters.snapshot()
    }

    /// Reports each change of the state to `observer`: see [`Alerts::on_change`](crate::Alerts::on_change).
    pub fn on_change(&self, observer: impl FnMut(&State) + Send + 'static) {
        self.control.observe(Box::new(observer));
    }

    /// A handle that inspects this call, and ends it, from any thread.
    pub fn handle(&self) -> Handle {
        Handle::new(self.control.clone())
    }
}

impl Future for Watch {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        // A source that was abandoned sends no result.
        Pin::new(&mut self.done)
            .poll(cx)
            .map(|done| done.unwrap_or(Ok(())))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.control.abandon();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "Watch", &self.control)
    }
}
