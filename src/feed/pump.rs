//! Pulls messages out of a call, on the thread where they arrive.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_timer::Delay;
use grpcio::Client;

use super::ask::Asker;
use super::call::Call;
use super::control::{Control, Wish};
use super::outlet::{Outlet, Room};
use crate::error::Error;

/// How long a call that was asked no more must be silent before nothing is taken to be on its way.
/// A real Falco under load needed no more (0 of 20,000 alerts lost with 0.2 s).
const SILENCE: Duration = Duration::from_millis(200);

type Explain = Box<dyn Fn(grpcio::Error) -> Error + Send>;

struct Pump<O> {
    call: Call,
    /// A call that still waits for its connection fails when the channel goes.
    _client: Client,
    asker: Option<Asker>,
    outlet: O,
    control: Arc<Control>,
    explain: Explain,
    started: bool,
    full: bool,
    cancelled: bool,
    // Set while closing: runs out when the call has been silent for long enough.
    silence: Option<Delay>,
    failure: Option<grpcio::Error>,
}

/// Starts a pump on the thread that serves `client`'s channel.
pub(crate) fn start<O: Outlet>(
    client: &Client,
    mut call: Call,
    interval: RangeInclusive<Duration>,
    outlet: O,
    control: Arc<Control>,
    explain: impl Fn(grpcio::Error) -> Error + Send + 'static,
) {
    let asker = call
        .take_requests()
        .map(|requests| Asker::new(requests, interval));
    client.spawn(Pump {
        call,
        _client: client.clone(),
        asker,
        outlet,
        control: control.clone(),
        explain: Box::new(explain),
        started: false,
        full: false,
        cancelled: false,
        silence: None,
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
        match pump.control.wished() {
            Wish::Run => {}
            Wish::Close => pump.close(),
            Wish::Cancel => pump.cancel(),
            Wish::Abandon => return Poll::Ready(()),
        }
        pump.pull(cx)
    }
}

impl<O: Outlet> Pump<O> {
    fn close(&mut self) {
        if self.silence.is_none() {
            self.silence = Some(Delay::new(SILENCE));
        }
    }

    /// Ends the call. What was received before still comes out of it, ahead of its end.
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
                self.restart_silence();
            }
            if let Some(asker) = self.asker.as_mut().filter(|_| self.silence.is_none()) {
                asker.poll(cx);
            }
            match self.call.poll_next(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(asker) = &mut self.asker {
                        asker.heard();
                    }
                    self.restart_silence();
                    match self.outlet.take(frame) {
                        Room::Yes => {}
                        Room::No => self.full = true,
                        Room::Never => {
                            self.outlet.end(None);
                            return Poll::Ready(());
                        }
                    }
                }
                // It may have overtaken messages: the end tells that there are no more.
                Poll::Ready(Some(Err(failure))) => {
                    self.failure.get_or_insert(failure);
                }
                Poll::Ready(None) => {
                    let failure = self.failure.take().filter(|_| !self.cancelled);
                    self.outlet.end(failure.map(&self.explain));
                    return Poll::Ready(());
                }
                Poll::Pending if self.silent(cx) => self.cancel(),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn restart_silence(&mut self) {
        if let Some(silence) = &mut self.silence {
            silence.reset(SILENCE);
        }
    }

    /// Whether a closing call has nothing on its way any more.
    fn silent(&mut self, cx: &mut Context) -> bool {
        match &mut self.silence {
            Some(silence) if !self.cancelled => Pin::new(silence).poll(cx).is_ready(),
            _ => false,
        }
    }
}
