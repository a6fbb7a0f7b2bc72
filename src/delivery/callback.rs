//! A function that is called with each alert, where its bytes arrive.

use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use futures::channel::oneshot;

use super::back_pressure::Flow;
use super::control::Control;
use super::outlet::{MessageResult, Outlet};
use crate::alert::Alert;
use crate::error::{Error, Result};

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
    fn take(&mut self, item: MessageResult) -> Flow {
        let number = item.as_ref().map_or(0, |message| message.number);
        let alert = match item {
            Ok(message) => self.control.read(message),
            Err(error) => Err(*error),
        };
        let Some(function) = &mut self.function else {
            return Flow::Stop;
        };
        // A panic would end the thread, and with it all other calls that it serves.
        let called = catch_unwind(AssertUnwindSafe(|| function(alert)));
        if called.is_ok() {
            self.control.mark_read(number);
        }
        match called {
            Ok(ControlFlow::Continue(())) => Flow::Continue,
            Ok(ControlFlow::Break(())) => Flow::Stop,
            Err(_) => {
                self.panicked = true;
                Flow::Stop
            }
        }
    }

    fn has_room(&mut self) -> bool {
        true
    }

    fn end(&mut self, error: Option<Error>) {
        // Dropped before the end is reported, so that what the function holds is flushed by then.
        let function = self.function.take();
        self.panicked |= catch_unwind(AssertUnwindSafe(|| drop(function))).is_err();
        let result = match error {
            _ if self.panicked => Err(Error::CallbackPanicked {
                endpoint: self.control.endpoint().to_string(),
            }),
            Some(error) => Err(error),
            None => Ok(()),
        };
        if let Some(done) = self.done.take() {
            // It is fine if nobody waits for the end.
            let _ = done.send(result);
        }
    }
}
