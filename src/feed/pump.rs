//! Pulls messages out of a call, on the thread where they arrive.

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{ready, Context, Poll};

use super::again::Again;
use super::ask::Asker;
use super::call::Call;
use super::closing::Closing;
use super::control::{Control, State, Wish};
use super::outlet::{Outlet, Room};
use super::pulse::Pulse;
use crate::channel::{Connection, Current};
use crate::error::Error;
use crate::failure::{explain, passes};

struct Pump<O> {
    /// None between two subscriptions.
    call: Option<Call>,
    asker: Option<Asker>,
    /// For a subscription, which follows for ever.
    again: Option<Again>,
    pulse: Pulse,
    connection: Arc<Connection>,
    /// Also since a call that still waits for its connection fails when the channel goes.
    current: Current,
    method: &'static str,
    outlet: O,
    control: Arc<Control>,
    started: bool,
    full: bool,
    cancelled: bool,
    /// The call has brought a message.
    fruitful: bool,
    /// A request has been written.
    following: bool,
    // Set while closing.
    closing: Option<Closing>,
    failure: Option<grpcio::Error>,
}

/// Starts a pump for a call to `method`, on the thread that serves its channel.
pub(crate) fn start<O: Outlet>(
    connection: Arc<Connection>,
    (current, call): (Current, Call),
    method: &'static str,
    outlet: O,
    control: Arc<Control>,
) {
    let follows = matches!(call, Call::Sub { .. });
    let client = current.client.clone();
    let mut pump = Pump {
        call: None,
        asker: None,
        again: follows.then(|| Again::new(connection.clone())),
        pulse: Pulse::new(connection.config().stall_deadline),
        connection,
        current: current.clone(),
        method,
        outlet,
        control: control.clone(),
        started: false,
        full: false,
        cancelled: false,
        fruitful: false,
        following: false,
        closing: None,
        failure: None,
    };
    pump.begin(current, call);
    client.spawn(pump);
    control.wake();
}

impl<O: Outlet> Future for Pump<O> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context) -> Poll<()> {
        let pump = self.get_mut();
        pump.control.register(cx.waker());
        if !pump.started {
            // `spawn` polls once on the caller's thread, and would go on there as long as
            // messages come. The wake-up that follows it is served by the right thread.
            pump.started = true;
            return Poll::Pending;
        }
        // A reader's waker or a callback's remains may panic: that must end no other call.
        let polled = catch_unwind(AssertUnwindSafe(|| pump.obey(cx)));
        polled.unwrap_or_else(|_| {
            // To be told of it may panic once more.
            let end = || pump.end(Some(Error::CallbackPanicked));
            let _ = catch_unwind(AssertUnwindSafe(end));
            Poll::Ready(())
        })
    }
}

impl<O> Drop for Pump<O> {
    fn drop(&mut self) {
        self.control.forget();
    }
}

impl<O: Outlet> Pump<O> {
    fn obey(&mut self, cx: &mut Context) -> Poll<()> {
        match self.control.wished() {
            Wish::Run => {}
            Wish::Close => self.close(),
            Wish::Cancel => self.cancel(),
            Wish::Abandon => {
                self.control.set(State::Ended);
                return Poll::Ready(());
            }
        }
        self.pull(cx)
    }

    fn begin(&mut self, current: Current, mut call: Call) {
        let config = self.connection.config();
        let interval = &config.request_interval;
        let requests = call.take_requests();
        self.asker = requests.map(|requests| Asker::new(requests, interval.clone()));
        self.pulse = Pulse::new(config.stall_deadline);
        self.current = current;
        self.call = Some(call);
        self.fruitful = false;
    }

    fn explain(&self, error: grpcio::Error) -> Error {
        explain(self.connection.endpoint(), self.method, None, error)
    }

    fn close(&mut self) {
        if self.closing.is_none() {
            let silence = self.connection.config().closing_silence;
            let asker = self.asker.as_ref().filter(|_| !self.fruitful);
            let unheard = asker.map(Asker::since_asked);
            self.closing = Some(Closing::new(silence, unheard));
        }
    }

    /// Ends the call. What C-core has told already still comes out of it, ahead of its end.
    fn cancel(&mut self) {
        if !self.cancelled {
            self.cancelled = true;
            if let Some(call) = &mut self.call {
                call.cancel();
            }
        }
    }

    fn end(&mut self, error: Option<Error>) -> Poll<()> {
        self.control.set(State::Ended);
        self.outlet.end(error);
        Poll::Ready(())
    }

    fn pull(&mut self, cx: &mut Context) -> Poll<()> {
        loop {
            if self.full && !self.cancelled {
                if !self.outlet.has_room() {
                    return Poll::Pending;
                }
                self.full = false;
                self.heard();
            }
            let Some(call) = &mut self.call else {
                let Some(again) = self
                    .again
                    .as_mut()
                    .filter(|_| self.closing.is_none() && !self.cancelled)
                else {
                    return self.end(None);
                };
                match ready!(again.poll(cx)) {
                    Ok((current, call)) => self.begin(current, call),
                    Err(error) => {
                        let error = self.explain(error);
                        return self.end(Some(error));
                    }
                }
                continue;
            };
            if let Some(asker) = self.asker.as_mut().filter(|_| self.closing.is_none()) {
                asker.poll(cx);
                if !self.following && asker.has_asked() {
                    self.following = true;
                    if self.control.set(State::Following) {
                        log::info!("{}: following again", self.connection.endpoint());
                    }
                }
            }
            match call.poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    self.fruitful = true;
                    let room = self.outlet.take(Ok(message));
                    self.heard();
                    match room {
                        Room::Yes => {}
                        Room::No => self.full = true,
                        Room::Never => return self.end(None),
                    }
                }
                // It may have overtaken messages: the end tells that there are no more. That of a
                // call which was cancelled here is no news.
                Poll::Ready(Some(Err(failure))) => {
                    if !self.cancelled {
                        self.failure.get_or_insert(failure);
                    }
                }
                Poll::Ready(None) => {
                    let failure = self.failure.take().map(|failure| self.explain(failure));
                    match self.ended(failure) {
                        ControlFlow::Continue(()) => {}
                        ControlFlow::Break(error) => return self.end(error),
                    }
                }
                Poll::Pending if self.silent(cx) => self.cancel(),
                Poll::Pending if self.stopped(cx) => match self.stalled() {
                    ControlFlow::Continue(()) => {}
                    ControlFlow::Break(error) => return self.end(error),
                },
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn stopped(&mut self, cx: &mut Context) -> bool {
        !self.cancelled && self.pulse.poll_stopped(cx, &self.current.client).is_ready()
    }

    /// The server shows no sign of life. This channel would go on waiting for it.
    fn stalled(&mut self) -> ControlFlow<Option<Error>> {
        self.connection.renew(&self.current);
        self.ended(Some(Error::Deadline {
            endpoint: self.connection.endpoint().to_string(),
            after: self.connection.config().stall_deadline,
        }))
    }

    /// The call has ended: for good, with or without an error, or until the next.
    fn ended(&mut self, failure: Option<Error>) -> ControlFlow<Option<Error>> {
        self.call = None;
        self.asker = None;
        self.following = false;
        let passes = failure.as_ref().is_none_or(passes);
        let Some(again) = self.again.as_mut().filter(|_| passes) else {
            return ControlFlow::Break(failure);
        };
        if self.closing.is_some() || self.cancelled {
            return ControlFlow::Break(failure);
        }
        again.ended(self.fruitful);
        let why: Arc<str> = match &failure {
            Some(error) => error.to_string().into(),
            None => "Falco ended the subscription: it is stopping or restarting".into(),
        };
        if self.control.set(State::Waiting { why: why.clone() }) {
            log::warn!("{why}; subscribing again as soon as it can be");
        }
        // The alert is lost, and who reads the others shall know.
        if let Some(error @ Error::TooLarge { .. }) = failure {
            self.outlet.take(Err(Box::new(error)));
        }
        ControlFlow::Continue(())
    }

    /// A message came, or could have come unnoticed.
    fn heard(&mut self) {
        self.pulse.felt();
        if let Some(asker) = &mut self.asker {
            asker.heard();
        }
        if let Some(closing) = &mut self.closing {
            closing.heard();
        }
    }

    /// Whether a closing call has nothing on its way any more.
    fn silent(&mut self, cx: &mut Context) -> bool {
        let Some(closing) = self.closing.as_mut().filter(|_| !self.cancelled) else {
            return false;
        };
        let Poll::Ready(answer) = closing.poll(cx, &self.current.client) else {
            return false;
        };
        if let Err(error) = answer {
            let error = self.explain(error);
            // A server that lacks the method has answered all the same.
            if !matches!(error, Error::Unimplemented { .. }) {
                log::warn!("closing without a last word from Falco, alerts may be lost: {error}");
            }
        }
        true
    }
}
