//! Where a pump puts what it pulled: a queue, or a callback that runs where the bytes arrive.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use futures::channel::oneshot;

use super::call::Message;
use super::control::Control;
use crate::alert::Alert;
use crate::error::{Error, Result};

pub(crate) enum Room {
    /// Go on.
    Yes,
    /// Wait until the outlet says that it has room again.
    No,
    /// Stop: nobody wants more.
    Never,
    /// The same, and this one was not taken either.
    #[cfg(feature = "relay")]
    Refused,
}

/// A message, or an error between messages. Boxed, as a queue holds many of the one and none of
/// the other.
pub(crate) type Item = std::result::Result<Message, Box<Error>>;

pub(crate) trait Outlet: Send + Unpin + 'static {
    /// Takes an item, room or no room, and tells whether there is room for another.
    fn take(&mut self, item: Item) -> Room;

    /// Where its source goes on after what is taken next, if that can be told.
    fn passed(&mut self, _place: &dyn fmt::Display) {}

    /// Whether there is room again, after [`Room::No`].
    fn has_room(&mut self) -> bool;

    /// Nothing follows.
    fn end(&mut self, error: Option<Error>);
}

/// Calls a function with each alert.
pub(crate) struct Callback<F> {
    function: Option<F>,
    control: Arc<Control>,
    panicked: bool,
    done: Option<oneshot::Sender<Result<()>>>,
}

impl<F> Callback<F> {
    pub(crate) fn new(
        function: F,
        control: Arc<Control>,
        done: oneshot::Sender<Result<()>>,
    ) -> Callback<F> {
        Callback {
            function: Some(function),
            control,
            panicked: false,
            done: Some(done),
        }
    }
}

impl<F> Outlet for Callback<F>
where
    F: FnMut(Result<Alert>) -> ControlFlow<()> + Send + Unpin + 'static,
{
    fn take(&mut self, item: Item) -> Room {
        let alert = match item {
            Ok(message) => self.control.read(message),
            Err(error) => Err(*error),
        };
        let Some(function) = &mut self.function else {
            return Room::Never;
        };
        // A panic would end the thread, and with it every other call that it serves.
        match catch_unwind(AssertUnwindSafe(|| function(alert))) {
            Ok(ControlFlow::Continue(())) => Room::Yes,
            Ok(ControlFlow::Break(())) => Room::Never,
            Err(_) => {
                self.panicked = true;
                Room::Never
            }
        }
    }

    fn has_room(&mut self) -> bool {
        true
    }

    fn end(&mut self, error: Option<Error>) {
        // Before the end is told, so that what the function holds is written out by then.
        let function = self.function.take();
        self.panicked |= catch_unwind(AssertUnwindSafe(|| drop(function))).is_err();
        let result = match error {
            _ if self.panicked => Err(Error::CallbackPanicked),
            Some(error) => Err(error),
            None => Ok(()),
        };
        if let Some(done) = self.done.take() {
            // Nobody has to wait for the end.
            let _ = done.send(result);
        }
    }
}
