//! Pulls messages out of a call, on the thread where they arrive.

use std::future::Future;
use std::ops::RangeInclusive;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use futures_timer::Delay;
use grpcio::Client;

use super::ask::Asker;
use super::call::{version, Call};
use super::control::{Control, Wish};
use super::outlet::{Outlet, Room};
use crate::error::Error;

/// How long the server may take to confirm that a closing call has nothing on its way.
const CONFIRM: Duration = Duration::from_secs(5);

type Explain = Box<dyn Fn(grpcio::Error) -> Error + Send>;

struct Pump<O> {
    call: Call,
    /// Also since a call that still waits for its connection fails when the channel goes.
    client: Client,
    asker: Option<Asker>,
    outlet: O,
    control: Arc<Control>,
    explain: Explain,
    started: bool,
    full: bool,
    cancelled: bool,
    /// How long a call that is asked no more must be silent before nothing is on its way.
    silence: Duration,
    // Set while closing.
    closing: Option<Closing>,
    failure: Option<grpcio::Error>,
}

struct Closing {
    silence: Delay,
    /// A round trip after the silence: what the server wrote before has arrived by its end, and a
    /// server that stands still is not taken for one that has nothing to say.
    confirmed: Option<BoxFuture<'static, grpcio::Result<()>>>,
}

/// What a pump is told when it starts.
pub(crate) struct Pace {
    pub(crate) interval: RangeInclusive<Duration>,
    pub(crate) silence: Duration,
}

/// Starts a pump on the thread that serves `client`'s channel.
pub(crate) fn start<O: Outlet>(
    client: &Client,
    mut call: Call,
    pace: Pace,
    outlet: O,
    control: Arc<Control>,
    explain: impl Fn(grpcio::Error) -> Error + Send + 'static,
) {
    let asker = call
        .take_requests()
        .map(|requests| Asker::new(requests, pace.interval));
    client.spawn(Pump {
        call,
        client: client.clone(),
        asker,
        outlet,
        control: control.clone(),
        explain: Box::new(explain),
        started: false,
        full: false,
        cancelled: false,
        silence: pace.silence,
        closing: None,
        failure: None,
    });
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
            pump.outlet.end(Some(Error::CallbackPanicked));
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
            Wish::Abandon => return Poll::Ready(()),
        }
        self.pull(cx)
    }

    fn close(&mut self) {
        let silence = self.silence;
        self.closing.get_or_insert_with(|| Closing {
            silence: Delay::new(silence),
            confirmed: None,
        });
    }

    /// Ends the call. What C-core has told already still comes out of it, ahead of its end.
    fn cancel(&mut self) {
        if !self.cancelled {
            self.cancelled = true;
            self.call.cancel();
        }
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
            if let Some(asker) = self.asker.as_mut().filter(|_| self.closing.is_none()) {
                asker.poll(cx);
            }
            match self.call.poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    let room = self.outlet.take(message);
                    self.heard();
                    match room {
                        Room::Yes => {}
                        Room::No => self.full = true,
                        Room::Never => {
                            self.outlet.end(None);
                            return Poll::Ready(());
                        }
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
                    self.outlet.end(self.failure.take().map(&self.explain));
                    return Poll::Ready(());
                }
                Poll::Pending if self.silent(cx) => self.cancel(),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// A message came, or could have come unnoticed.
    fn heard(&mut self) {
        if let Some(asker) = &mut self.asker {
            asker.heard();
        }
        if let Some(closing) = &mut self.closing {
            closing.silence.reset(self.silence);
            closing.confirmed = None;
        }
    }

    /// Whether a closing call has nothing on its way any more.
    fn silent(&mut self, cx: &mut Context) -> bool {
        let Some(closing) = self.closing.as_mut().filter(|_| !self.cancelled) else {
            return false;
        };
        if closing.confirmed.is_none() && Pin::new(&mut closing.silence).poll(cx).is_pending() {
            return false;
        }
        let confirmed = closing.confirmed.get_or_insert_with(|| {
            let answer = version(&self.client, CONFIRM);
            async { answer?.await.map(drop) }.boxed()
        });
        let Poll::Ready(confirmed) = confirmed.as_mut().poll(cx) else {
            return false;
        };
        if let Err(error) = confirmed {
            let error = (self.explain)(error);
            // A server that lacks the method has answered all the same.
            if !matches!(error, Error::Unimplemented { .. }) {
                log::warn!("closing without a last word from Falco, alerts may be lost: {error}");
            }
        }
        true
    }
}
