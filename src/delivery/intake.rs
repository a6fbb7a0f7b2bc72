//! The intake of sources that run on threads: any of them puts what it has received, and blocks while
//! the outlet is full.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::back_pressure::Flow;
use super::control::{Control, Mode};
use super::message::Message;
use super::outlet::{MessageResult, Outlet};
use super::state::State;
use super::wake::Wakeup;
use crate::error::Error;
use crate::util::lock::lock;

/// The error of a message that was not taken, as no more are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IntakeClosed;

pub(crate) struct Intake {
    /// None after the end.
    outlet: Mutex<Option<Box<dyn Outlet>>>,
    control: Arc<Control>,
    wakeup: Arc<Wakeup>,
}

impl Intake {
    /// # Errors
    ///
    /// [`Error::Listen`] when file descriptors are exhausted.
    pub(crate) fn new(
        outlet: Box<dyn Outlet>,
        control: Arc<Control>,
    ) -> Result<Arc<Intake>, Error> {
        let wakeup = Wakeup::new().map_err(|error| no_descriptors(&control, error))?;
        let wakeup = Arc::new(wakeup);
        control.register_threads(Arc::downgrade(&wakeup));
        Ok(Arc::new(Intake {
            outlet: Mutex::new(Some(outlet)),
            control,
            wakeup,
        }))
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Readable once the mode has changed, until [`mode`](Intake::mode) is read: for a thread that
    /// polls.
    pub(crate) fn changed(&self) -> &UnixStream {
        self.wakeup.readable()
    }

    pub(crate) fn mode(&self) -> Mode {
        self.wakeup.clear();
        self.control.mode()
    }

    /// Puts a message into the outlet, then blocks until there is room for another, or until the end:
    /// this is how back-pressure reaches the sender.
    ///
    /// # Errors
    ///
    /// When the outlet did not take it.
    pub(crate) fn put(&self, message: MessageResult) -> Result<(), IntakeClosed> {
        if !self.offer(message)? {
            self.wait_for_room(None);
        }
        Ok(())
    }

    /// Puts messages that have come together, as each of them is put.
    ///
    /// # Errors
    ///
    /// When the outlet did not take all.
    pub(crate) fn put_all(&self, messages: Vec<Message>) -> Result<(), IntakeClosed> {
        #[cfg(feature = "relay")]
        if messages.len() > 1 {
            let shared = self.lock().as_ref().and_then(|outlet| outlet.shared());
            if let Some(shared) = shared.filter(|_| !self.is_cut()) {
                for message in &messages {
                    self.control.counters.received(message.bytes.len());
                }
                return self.follow(shared.take_all(messages)).map(drop);
            }
        }
        messages
            .into_iter()
            .try_for_each(|message| self.put(Ok(message)))
    }

    /// Puts a message into the outlet. Returns whether there is room for another.
    ///
    /// # Errors
    ///
    /// When the outlet did not take it.
    pub(crate) fn offer(&self, message: MessageResult) -> Result<bool, IntakeClosed> {
        let mut guard = self.lock();
        let Some(outlet) = guard.as_mut().filter(|_| !self.is_cut()) else {
            return Err(IntakeClosed);
        };
        match &message {
            Ok(message) => self.control.counters.received(message.bytes.len()),
            Err(error) if matches!(**error, Error::Undecodable { .. }) => {
                self.control.counters.undecodable()
            }
            Err(_) => {}
        }
        #[cfg(feature = "relay")]
        if let Some(shared) = outlet.shared() {
            drop(guard);
            return self.follow(shared.take(message));
        }
        let flow = outlet.take(message);
        drop(guard);
        self.follow(flow)
    }

    /// Returns whether there is room for another message.
    fn follow(&self, flow: Flow) -> Result<bool, IntakeClosed> {
        match flow {
            Flow::Continue => {}
            Flow::Pause => return Ok(false),
            Flow::Stop => self.control.cancel(),
            #[cfg(feature = "relay")]
            Flow::Refuse => {
                self.control.cancel();
                return Err(IntakeClosed);
            }
        }
        Ok(true)
    }

    /// Blocks until there is room for another message, or the mode changes, at most for `timeout`.
    /// Returns whether one of them came.
    pub(crate) fn wait_for_room(&self, timeout: Option<Duration>) -> bool {
        let done = || self.control.mode() != Mode::Run || self.has_room();
        self.wakeup.wait_until(done, timeout)
    }

    /// Blocks until `done` holds, which is checked after each wake-up, at most for `timeout`.
    /// Returns whether it holds.
    #[cfg(any(feature = "kafka", feature = "redis"))]
    pub(crate) fn wait_until(&self, done: impl Fn() -> bool, timeout: Duration) -> bool {
        self.wakeup.wait_until(done, Some(timeout))
    }

    /// Nothing follows.
    pub(crate) fn end(&self, error: Option<Error>) {
        let outlet = self.lock().take();
        self.control.set(State::Ended);
        if let Some(mut outlet) = outlet {
            outlet.end(error);
        }
    }

    /// Whether nothing more is taken.
    pub(crate) fn is_cut(&self) -> bool {
        self.control.mode() >= Mode::Cancel
    }

    fn has_room(&self) -> bool {
        self.lock().as_mut().is_none_or(|outlet| outlet.has_room())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Outlet>>> {
        lock(&self.outlet)
    }
}

fn no_descriptors(control: &Control, error: io::Error) -> Error {
    let problem = (
        format!("no socket to wake it with: {error}"),
        "allow more open files",
    );
    Error::listen(control.endpoint(), problem, Some(error.into()))
}
