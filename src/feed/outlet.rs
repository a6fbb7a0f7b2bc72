//! Where a pump puts what it pulled: a queue, or a callback that runs where the bytes arrive.

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};

use futures::channel::oneshot;

use super::call::Frame;
use crate::alert::Alert;
use crate::error::{Error, Result};

pub(crate) enum Room {
    /// Go on.
    Yes,
    /// Wait until the outlet says that it has room again.
    No,
    /// Stop: nobody wants more.
    Never,
}

pub(crate) trait Outlet: Send + Unpin + 'static {
    /// Takes a message, room or no room, and tells whether there is room for another.
    fn take(&mut self, frame: Frame) -> Room;

    /// Whether there is room again, after [`Room::No`].
    fn has_room(&mut self) -> bool;

    /// Nothing follows.
    fn end(&mut self, error: Option<Error>);
}

/// Calls a function with each alert.
pub(crate) struct Callback<F> {
    function: F,
    panicked: bool,
    done: Option<oneshot::Sender<Result<()>>>,
}

impl<F> Callback<F> {
    pub(crate) fn new(function: F, done: oneshot::Sender<Result<()>>) -> Callback<F> {
        Callback {
            function,
            panicked: false,
            done: Some(done),
        }
    }
}

impl<F> Outlet for Callback<F>
where
    F: FnMut(Result<Alert>) -> ControlFlow<()> + Send + Unpin + 'static,
{
    fn take(&mut self, frame: Frame) -> Room {
        let alert = Alert::from_bytes(frame);
        // A panic would end the thread, and with it every other call that it serves.
        match catch_unwind(AssertUnwindSafe(|| (self.function)(alert))) {
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
