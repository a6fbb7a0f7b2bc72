//! What a user iterates, polls, or gives a callback.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{RecvError, RecvTimeoutError, TryRecvError};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::Stream;

use crate::alert::Alert;
use crate::delivery::{Control, Counters, Received, Receiver, State};
use crate::error::{Error, Result};
use crate::util::thread::on_delivery_thread;
use crate::util::wait::wait;

/// A sequence of alerts, as [`Client::get`](crate::Client::get) and
/// [`Client::subscribe`](crate::Client::subscribe) return it.
///
/// Read it in whichever way suits, or in several: as a blocking iterator, as a
/// [`Stream`] on any executor, or with [`recv`](Alerts::recv), [`try_recv`](Alerts::try_recv) and
/// [`recv_timeout`](Alerts::recv_timeout) in the way of [`std::sync::mpsc`].
///
/// An item is an alert, or an error. After [`Error::Undecodable`], and in a subscription after
/// [`Error::TooLarge`], the next alert follows; any other error is the last item, unless
/// [`Config::keep_trying`](crate::Config::keep_trying) is set.
///
/// Alerts wait in a queue of [`Config::queue_bytes`](crate::Config::queue_bytes). When it is full
/// nothing more is pulled, and Falco keeps what it has.
///
/// **Dropping it cancels the call.** Falco forgets an alert when it is written, so what waits in the
/// queue or is on its way is lost then; end it with [`Handle::close`] and read to the end to lose
/// nothing.
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

    /// The next item if it is here now.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] when it is not, [`TryRecvError::Disconnected`] when the sequence has
    /// ended.
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
    /// [`RecvTimeoutError::Timeout`] when none came, [`RecvTimeoutError::Disconnected`] when the
    /// sequence has ended.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Result<Alert>, RecvTimeoutError> {
        // A time-out beyond the clock's range is none.
        match self.wait(Instant::now().checked_add(timeout)) {
            Received::Nothing => Err(RecvTimeoutError::Timeout),
            received => self.item(received).ok_or(RecvTimeoutError::Disconnected),
        }
    }

    /// A blocking iterator that leaves the sequence usable afterwards.
    pub fn iter(&mut self) -> Iter<'_> {
        Iter { alerts: self }
    }

    /// How it stands.
    pub fn state(&self) -> State {
        self.receiver.control().state()
    }

    /// What it has brought so far.
    pub fn counters(&self) -> Counters {
        self.receiver.control().counters.snapshot()
    }

    /// Calls `observer` with the state now, and with each one that follows, until
    /// [`State::Ended`]. Not for each attempt that fails as the one before.
    ///
    /// It runs where the bytes arrive, and holds them up while it does; at first on this thread.
    pub fn on_change(&self, observer: impl FnMut(&State) + Send + 'static) {
        self.receiver.control().observe(Box::new(observer));
    }

    /// A handle that ends this sequence from anywhere, and wakes its reader.
    pub fn handle(&self) -> Handle {
        Handle {
            control: self.receiver.control().clone(),
        }
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

/// The blocking iterator over an [`Alerts`] that it borrows. `None` is the end of the sequence.
pub struct Iter<'a> {
    alerts: &'a mut Alerts,
}

impl Iterator for Iter<'_> {
    type Item = Result<Alert>;

    fn next(&mut self) -> Option<Result<Alert>> {
        self.alerts.recv().ok()
    }
}

impl<'a> IntoIterator for &'a mut Alerts {
    type Item = Result<Alert>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The blocking iterator over an [`Alerts`] that it owns. `None` is the end of the sequence.
pub struct IntoIter {
    alerts: Alerts,
}

impl Iterator for IntoIter {
    type Item = Result<Alert>;

    fn next(&mut self) -> Option<Result<Alert>> {
        self.alerts.recv().ok()
    }
}

impl IntoIterator for Alerts {
    type Item = Result<Alert>;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter { alerts: self }
    }
}

/// Ends an [`Alerts`] or a [`Watch`] from anywhere, and tells how it stands.
///
/// Falco forgets an alert when it is written: [`close`](Handle::close) takes what is on its way,
/// [`cancel`](Handle::cancel) loses it.
#[derive(Clone)]
pub struct Handle {
    control: Arc<Control>,
}

impl Handle {
    #[cfg(feature = "relay")]
    pub(crate) fn of(control: Arc<Control>) -> Handle {
        Handle { control }
    }

    /// How what it ends stands.
    pub fn state(&self) -> State {
        self.control.state()
    }

    /// What that has brought so far.
    pub fn counters(&self) -> Counters {
        self.control.counters.snapshot()
    }

    /// Asks Falco for no more, takes what is on its way, and ends when nothing has come for
    /// [`Config::closing_silence`](crate::Config::closing_silence) and Falco has then answered a
    /// `version`, for which it gets 5 s. What is received is delivered, then the sequence ends.
    ///
    /// Falco answers a `get`, and the last request of a subscription, until its queue is empty, so
    /// that under a flood the end may take its time; `cancel` afterwards is allowed.
    pub fn close(&self) {
        self.control.close();
    }

    /// Cancels the call at once. What waits in the queue is still delivered, then the sequence
    /// ends. What is on its way, and what gRPC holds but has not handed out, is lost.
    pub fn cancel(&self) {
        self.control.cancel();
    }
}

/// A call whose alerts go to a callback, as [`Client::get_with`](crate::Client::get_with) and
/// [`Client::subscribe_with`](crate::Client::subscribe_with) return it.
///
/// As a future, or with [`wait`](Watch::wait), it tells how the call ended. Dropping it cancels the
/// call.
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
    /// The error that ended it; [`Error::CallbackPanicked`]; [`Error::WouldDeadlock`] inside a
    /// callback, which cancels the call as dropping it does.
    pub fn wait(self) -> Result<()> {
        if on_delivery_thread() {
            return Err(Error::WouldDeadlock {
                call: "Watch::wait",
            });
        }
        wait(self)
    }

    /// How it stands.
    pub fn state(&self) -> State {
        self.control.state()
    }

    /// What it has brought so far.
    pub fn counters(&self) -> Counters {
        self.control.counters.snapshot()
    }

    /// Tells `observer` each change of the state: see [`Alerts::on_change`].
    pub fn on_change(&self, observer: impl FnMut(&State) + Send + 'static) {
        self.control.observe(Box::new(observer));
    }

    /// A handle that ends this call from anywhere.
    pub fn handle(&self) -> Handle {
        Handle {
            control: self.control.clone(),
        }
    }
}

impl Future for Watch {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        // A pump that was given up has no result to tell.
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
