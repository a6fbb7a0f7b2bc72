//! Hands what the calls bring to an outlet, on the thread where it arrives.

use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{ready, Context, Poll};
use std::time::{Duration, SystemTime};

use super::channel::Connection;
use super::drain::Drain;
use super::status::is_unimplemented;
use super::subscription::{Event, Subscription};
use crate::delivery::{Control, Flow, Message, Mode, Outlet, State};
use crate::diagnose::Finding;
use crate::error::{Error, Result};
use crate::source::StartRequest;

const UNSERVED: &str =
    "Falco has accepted the subscription and does not serve it, as it has ten for each of its \
     grpc.threadiness; end others, or raise it. Until then alerts are fetched every second";

struct Driver {
    calls: Subscription,
    outlet: Box<dyn Outlet>,
    control: Arc<Control>,
    connection: Arc<Connection>,
    started: bool,
    full: bool,
    cancelled: bool,
    /// It has followed, and then no more.
    lost: bool,
    /// What the reader was told of last, as it does not pass by itself.
    told: Option<Arc<str>>,
    closing: Option<Drain>,
}

/// Starts a pump, on the thread that serves its channel.
pub(super) fn start(connection: Arc<Connection>, request: StartRequest) -> Result<()> {
    let StartRequest {
        purpose,
        outlet,
        control,
        // Falco keeps no alert that it has written.
        from: _,
    } = request;
    let calls = Subscription::new(connection.clone(), purpose, &control.tally)?;
    let client = calls.client().clone();
    client.spawn(Driver {
        calls,
        outlet,
        control: control.clone(),
        connection,
        started: false,
        full: false,
        cancelled: false,
        lost: false,
        told: None,
        closing: None,
    });
    control.wake();
    Ok(())
}

impl Future for Driver {
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
            let end = || {
                let endpoint = pump.control.endpoint().to_string();
                pump.end(Some(Error::CallbackPanicked { endpoint }))
            };
            let _ = catch_unwind(AssertUnwindSafe(end));
            Poll::Ready(())
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.control.forget();
    }
}

impl Driver {
    fn obey(&mut self, cx: &mut Context) -> Poll<()> {
        match self.control.mode() {
            Mode::Run => {}
            Mode::Close => self.close(),
            Mode::Cancel => self.cancel(),
            Mode::Abandon => {
                // What a callback holds may panic when it goes: its outlet sees to that.
                return self.end(None);
            }
        }
        self.pull(cx)
    }

    fn close(&mut self) {
        if self.closing.is_none() {
            self.calls.close();
            let silence = self.connection.config().closing_silence;
            self.closing = Some(Drain::new(silence, self.calls.unheard()));
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        self.calls.cancel();
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
            match self.calls.poll_next(cx, &self.control.tally) {
                Poll::Ready(Event::Message(message)) => {
                    self.control.tally.came(message.len());
                    let flow = self.outlet.take(Ok(Message::grpc(message)));
                    self.heard();
                    if self.is_unwanted(flow) {
                        return self.end(None);
                    }
                }
                Poll::Ready(Event::Failed(error)) => {
                    let flow = self.outlet.take(Err(Box::new(error)));
                    if self.is_unwanted(flow) {
                        return self.end(None);
                    }
                }
                Poll::Ready(Event::Following) => self.follow(),
                Poll::Ready(Event::Lost {
                    failure,
                    pause,
                    stood,
                }) => {
                    self.lost |= stood;
                    if stood {
                        self.told = None;
                    }
                    let flow = self.wait(failure, pause);
                    if self.is_unwanted(flow) {
                        return self.end(None);
                    }
                }
                Poll::Ready(Event::Found(finding)) => self.found(&finding),
                Poll::Ready(Event::Unserved) => self.stand_in(),
                Poll::Ready(Event::End(error)) => return self.end(error),
                Poll::Pending => {
                    ready!(self.poll_silent(cx));
                    self.cancel();
                }
            }
        }
    }

    /// Whether nobody wants more; waits for room where there is none.
    fn is_unwanted(&mut self, flow: Flow) -> bool {
        match flow {
            Flow::Continue => false,
            Flow::Pause => {
                self.full = true;
                false
            }
            Flow::Stop => true,
            #[cfg(feature = "relay")]
            Flow::Refuse => true,
        }
    }

    /// A message came, or could have come unnoticed.
    fn heard(&mut self) {
        self.calls.heard();
        if let Some(closing) = &mut self.closing {
            closing.heard();
        }
    }

    fn follow(&mut self) {
        if std::mem::take(&mut self.lost) {
            self.control.tally.reconnected();
        }
        if self.control.set(State::Following) {
            log::info!("{}: following again", self.connection.endpoint());
        }
    }

    fn stand_in(&mut self) {
        let now = SystemTime::now();
        let endpoint = self.connection.endpoint();
        let why = format!("{endpoint}: {UNSERVED}");
        log::warn!("{why}");
        self.control.set(State::Waiting {
            why: why.into(),
            since: now,
            next: now,
        });
    }

    /// Says more exactly why it waits.
    fn found(&mut self, finding: &Finding) {
        if let State::Waiting { since, next, .. } = self.control.state() {
            let why = format!("{}: {finding}", self.connection.endpoint());
            log::warn!("{why}");
            let why = why.into();
            self.control.set(State::Waiting { why, since, next });
        }
    }

    fn wait(&mut self, failure: Option<Error>, pause: Duration) -> Flow {
        let why: Arc<str> = match &failure {
            Some(error) => error.to_string().into(),
            None => "Falco ended the subscription: it is stopping or restarting".into(),
        };
        let since = SystemTime::now();
        let news = self.control.set(State::Waiting {
            why: why.clone(),
            since,
            next: since + pause,
        });
        if news {
            log::warn!("{why}; subscribing again as soon as it can be");
        }
        // An alert is lost, or somebody has to act: who reads shall know.
        let tell = match &failure {
            Some(Error::TooLarge { .. }) => true,
            Some(error) if !error.is_transient() => self.told.replace(why.clone()) != Some(why),
            _ => false,
        };
        match failure.filter(|_| tell) {
            Some(error) => self.outlet.take(Err(Box::new(error))),
            None => Flow::Continue,
        }
    }

    /// Ready when a closing call has nothing on its way any more.
    fn poll_silent(&mut self, cx: &mut Context) -> Poll<()> {
        let Some(closing) = self.closing.as_mut().filter(|_| !self.cancelled) else {
            return Poll::Pending;
        };
        if let Err(error) = ready!(closing.poll(cx, self.calls.client())) {
            // A server that lacks the method has answered all the same.
            if !is_unimplemented(&error) {
                log::warn!(
                    "{}: closing without a last word from Falco, alerts may be lost: {error}",
                    self.connection.endpoint()
                );
            }
        }
        Poll::Ready(())
    }
}
