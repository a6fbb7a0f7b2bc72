//! Where sources that are not pulled put what has come: from any thread, which waits while there is
//! no room.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::control::{Control, Wish};
use super::outlet::{Item, Outlet, Room};
use super::state::State;
use crate::error::Error;

/// What became of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// It is in the outlet, for good.
    Taken,
    /// Nobody takes any more.
    Refused,
}

pub(crate) struct Intake {
    /// None once it has ended.
    outlet: Mutex<Option<Box<dyn Outlet>>>,
    control: Arc<Control>,
    bell: Arc<Bell>,
}

impl Intake {
    /// # Errors
    ///
    /// Where the system gives no more descriptors.
    pub(crate) fn new(outlet: Box<dyn Outlet>, control: Arc<Control>) -> io::Result<Arc<Intake>> {
        let (rung, ringer) = UnixStream::pair()?;
        rung.set_nonblocking(true)?;
        ringer.set_nonblocking(true)?;
        let bell = Arc::new(Bell {
            rings: Mutex::default(),
            heard: Condvar::new(),
            rung,
            ringer,
        });
        control.ring(Arc::downgrade(&bell));
        Ok(Arc::new(Intake {
            outlet: Mutex::new(Some(outlet)),
            control,
            bell,
        }))
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Readable once a wish has changed, for who polls; [`heard`](Intake::heard) makes it silent
    /// again.
    pub(crate) fn bell(&self) -> &UnixStream {
        &self.bell.rung
    }

    pub(crate) fn heard(&self) {
        let mut rings = [0; 64];
        while matches!((&self.bell.rung).read(&mut rings), Ok(1..)) {}
    }

    /// Puts an item into the outlet, then waits until there is room for another, or for the end:
    /// so much is held that back-pressure reaches whoever sends.
    pub(crate) fn put(&self, item: Item) -> Put {
        let mut outlet = self.lock();
        let Some(taker) = outlet.as_mut().filter(|_| !self.is_cut()) else {
            return Put::Refused;
        };
        match &item {
            Ok(message) => self.control.tally.came(message.len()),
            Err(error) if matches!(**error, Error::Line { .. }) => self.control.tally.undecodable(),
            Err(_) => {}
        }
        let room = taker.take(item);
        drop(outlet);
        match room {
            Room::Yes => Put::Taken,
            Room::No => {
                self.wait_until(|| self.control.wished() != Wish::Run || self.has_room());
                Put::Taken
            }
            Room::Never => {
                self.control.cancel();
                Put::Taken
            }
            #[cfg(feature = "relay")]
            Room::Refused => {
                self.control.cancel();
                Put::Refused
            }
        }
    }

    /// Where reading goes on after what is put next.
    pub(crate) fn passed(&self, place: &dyn std::fmt::Display) {
        if let Some(outlet) = self.lock().as_mut() {
            outlet.passed(place);
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

    /// Whether what comes is not wanted any more.
    pub(crate) fn is_cut(&self) -> bool {
        self.control.wished() >= Wish::Cancel
    }

    /// Waits until `done`, or for so long; looks at each change of a wish or of the room.
    pub(crate) fn wait_until(&self, done: impl Fn() -> bool) {
        let mut rings = self.bell.rings();
        loop {
            let before = *rings;
            drop(rings);
            if done() {
                return;
            }
            rings = self.bell.rings();
            while *rings == before {
                rings = self
                    .bell
                    .heard
                    .wait(rings)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn has_room(&self) -> bool {
        self.lock().as_mut().is_none_or(|outlet| outlet.has_room())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Outlet>>> {
        self.outlet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes whoever waits, on a condition or in a poll, when a control is woken.
pub(super) struct Bell {
    rings: Mutex<u64>,
    heard: Condvar,
    rung: UnixStream,
    ringer: UnixStream,
}

impl Bell {
    fn rings(&self) -> MutexGuard<'_, u64> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ring(&self) {
        *self.rings() += 1;
        self.heard.notify_all();
        // A full one has been rung already.
        let _ = (&self.ringer).write(&[1]);
    }
}
