//! The intake of sources that run on threads: any of them puts what it has received, and blocks while
//! the outlet is full.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard};

use super::control::{Control, Mode};
use super::outlet::{Flow, Item, Outlet};
use super::state::State;
use super::wake::Wakeup;
use crate::error::Error;
use crate::util::lock::lock;

/// What became of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// It is in the outlet, for good.
    Taken,
    /// Nobody takes any more.
    Refused,
}

pub(crate) struct Intake {
    /// None after the end.
    outlet: Mutex<Option<Box<dyn Outlet>>>,
    control: Arc<Control>,
    wakeup: Arc<Wakeup>,
}

impl Intake {
    /// # Errors
    ///
    /// [`Error::Listen`] where the system gives no more descriptors.
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

    /// Puts an item into the outlet, then blocks until there is room for another, or until the end:
    /// this is how back-pressure reaches the sender.
    pub(crate) fn put(&self, item: Item) -> Put {
        let mut outlet = self.lock();
        let Some(taker) = outlet.as_mut().filter(|_| !self.is_cut()) else {
            return Put::Refused;
        };
        match &item {
            Ok(message) => self.control.tally.came(message.bytes.len()),
            Err(error) if matches!(**error, Error::Undecodable { .. }) => {
                self.control.tally.undecodable()
            }
            Err(_) => {}
        }
        let flow = taker.take(item);
        drop(outlet);
        match flow {
            Flow::Continue => Put::Taken,
            Flow::Pause => {
                let done = || self.control.mode() != Mode::Run || self.has_room();
                self.wakeup.wait_until(done);
                Put::Taken
            }
            Flow::Stop => {
                self.control.cancel();
                Put::Taken
            }
            #[cfg(feature = "relay")]
            Flow::Refuse => {
                self.control.cancel();
                Put::Refused
            }
        }
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
        format!("nothing to wake it with: {error}"),
        "allow more open files",
    );
    Error::listen(control.endpoint(), problem, Some(error.into()))
}
