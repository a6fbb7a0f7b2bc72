//! A sequence of alerts, as an iterator, as a stream and for a callback.

mod checkpoint;
mod handle;
mod iter;
mod watch;

use std::fmt;
use std::pin::Pin;
use std::sync::mpsc::{RecvError, RecvTimeoutError, TryRecvError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::Stream;

use crate::alert::Alert;
use crate::delivery::{Control, Counters, Mode, Received, Receiver, State};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::util::thread::on_delivery_thread;

pub use checkpoint::Checkpoint;
pub use handle::Handle;
pub use iter::{IntoIter, Iter};
pub use watch::Watch;

/// A sequence of alerts, as [`Client::get`](crate::Client::get) and
/// [`Client::subscribe`](crate::Client::subscribe) return it.
///
/// Read it in one or several of these ways: as a blocking iterator, as a [`Stream`] on any executor,
/// or with [`recv`](Alerts::recv), [`try_recv`](Alerts::try_recv) and
/// [`recv_timeout`](Alerts::recv_timeout), which work as those of [`std::sync::mpsc`].
///
/// An item is an alert or an error. After [`Error::Undecodable`], and in a subscription after
/// [`Error::TooLarge`], the next alert follows; any other error is the last item, unless
/// [`Config::keep_trying`](crate::Config::keep_trying) is set.
///
/// Alerts wait in a queue of [`Config::queue_bytes`](crate::Config::queue_bytes). When it is full,
/// no more are received, and Falco keeps what it has.
///
/// **Dropping the sequence cancels it.** Falco forgets an alert when it is written, so the alerts in
/// the queue and in flight are lost. To lose none, call [`Handle::close`] and read to the end.
pub struct Alerts {
    receiver: Receiver,
    refused: bool,
}

impl Alerts {
    pub(crate) fn new(receiver: Receiver) -> Alerts {
        Alerts {
            receiver,
            refused: false,
        }
    }

    /// Waits for the next item.
    ///
    /// # Errors
    ///
    /// [`RecvError`] when the sequence has ended.
    pub fn recv(&mut self) -> Result<Result<Alert>, RecvError> {
        let received = self.wait(None);
        self.item(received).ok_or(RecvError)
    }

    /// Returns the next item if there is one now.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] when there is none, [`TryRecvError::Disconnected`] when the sequence
    /// has ended.
    pub fn try_recv(&mut self) -> Result<Result<Alert>, TryRecvError> {
        match self.receiver.try_next() {
            Received::Nothing => Err(TryRecvError::Empty),
            received => self.item(received).ok_or(TryRecvError::Disconnected),
        }
    }

    /// Waits for the next item, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError::Timeout`] when none arrived, [`RecvTimeoutError::Disconnected`] when the
    /// sequence has ended.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Result<Alert>, RecvTimeoutError> {
        // A time-out beyond the clock's range never ends.
        match self.wait(Instant::now().checked_add(timeout)) {
            Received::Nothing => Err(RecvTimeoutError::Timeout),
            received => self.item(received).ok_or(RecvTimeoutError::Disconnected),
        }
    }

    /// Covers the alerts that were returned since the last checkpoint, until
    /// [`Checkpoint::reach`] says that they were processed.
    ///
    /// This is for who processes alerts of Kafka, or of a group of Redis, in parallel or in batches.
    /// Otherwise an alert counts as read when the next one is asked for. **From the first call on,**
    /// alerts count as read only by their checkpoints: take one for each alert, or for a number of them.
    /// After [`Handle::close`] the sequence ends when all checkpoints are reached or dropped; what none
    /// covers by then comes again. For other endpoints it does nothing: of a file, save the
    /// [position](Alert::position) of an alert that was processed.
    ///
    /// ```no_run
    /// # fn process(alert: falco_client::Alert) {}
    /// let client = falco_client::Client::open("kafka://broker/falco?group=siem")?;
    /// let mut alerts = client.subscribe()?;
    /// while let Ok(alert) = alerts.recv() {
    ///     let (alert, checkpoint) = (alert?, alerts.checkpoint());
    ///     std::thread::spawn(move || {
    ///         process(alert);
    ///         checkpoint.reach();
    ///     });
    /// }
    /// # Ok::<(), falco_client::Error>(())
    /// ```
    pub fn checkpoint(&mut self) -> Checkpoint {
        Checkpoint::new(self.receiver.checkpoint())
    }

    /// A blocking iterator that borrows the sequence.
    pub fn iter(&mut self) -> Iter<'_> {
        Iter::new(self)
    }

    /// Returns the current state.
    pub fn state(&self) -> State {
        self.receiver.control().state()
    }

    /// Returns what has been received so far, in numbers.
    pub fn counters(&self) -> Counters {
        self.receiver.control().counters.snapshot()
    }

    /// Calls `observer` with the current state, and with each later one until [`State::Ended`].
    /// Further attempts that fail for the same reason are not reported.
    ///
    /// The first call is on this thread, later ones on the thread where alerts arrive, which they
    /// delay.
    pub fn on_change(&self, observer: impl FnMut(&State) + Send + 'static) {
        self.receiver.control().observe(Box::new(observer));
    }

    /// A handle that inspects this sequence, and ends it, from any thread.
    pub fn handle(&self) -> Handle {
        Handle::new(self.receiver.control().clone())
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.receiver.control().endpoint()
    }

    /// What was asked of the sequence so far.
    pub(crate) fn mode(&self) -> Mode {
        self.receiver.control().mode()
    }

    fn item(&self, received: Received) -> Option<Result<Alert>> {
        match received {
            Received::Message(message) => Some(self.receiver.control().read(message)),
            Received::Failure(error) => Some(Err(error)),
            Received::Nothing | Received::End => None,
        }
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Received {
        if !on_delivery_thread() {
            return self.receiver.next(deadline);
        }
        match self.receiver.try_next() {
            Received::Nothing if self.refused => Received::End,
            Received::Nothing => {
                self.refused = true;
                let call = "waiting for an alert";
                Received::Failure(Error::WouldDeadlock { call })
            }
            received => received,
        }
    }
}

impl Drop for Alerts {
    fn drop(&mut self) {
        self.receiver.control().abandon();
    }
}

impl Stream for Alerts {
    type Item = Result<Alert>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context) -> Poll<Option<Result<Alert>>> {
        let alerts = self.get_mut();
        let received = std::task::ready!(alerts.receiver.poll_next(cx));
        Poll::Ready(alerts.item(received))
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "Alerts", self.receiver.control())
    }
}

fn debug(f: &mut fmt::Formatter<'_>, name: &str, control: &Control) -> fmt::Result {
    f.debug_struct(name)
        .field("endpoint", control.endpoint())
        .field("state", &control.state())
        .field("counters", &control.counters.snapshot())
        .finish_non_exhaustive()
}
