//! Sends the requests of a `sub`.

use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures::Sink;
use futures_timer::Delay;
use grpcio::{ClientDuplexSender, WriteFlags};

use crate::source::grpc::subscription::Event;

pub(super) struct Requester {
    requests: ClientDuplexSender<()>,
    /// Until the next request.
    timer: Delay,
    state: Sending,
}

enum Sending {
    /// The timer runs.
    Scheduled,
    /// A request is to be sent.
    Due,
    /// A request was sent, and is being written.
    Writing,
    /// The call is over, or wants no more requests.
    Stopped,
}

impl Requester {
    pub(super) fn new(requests: ClientDuplexSender<()>, first_in: Duration) -> Requester {
        let state = match first_in.is_zero() {
            true => Sending::Due,
            false => Sending::Scheduled,
        };
        Requester {
            requests,
            timer: Delay::new(first_in),
            state,
        }
    }

    /// Sends the next request after this time, once the last one is written.
    pub(super) fn request_in(&mut self, pause: Duration) {
        self.timer.reset(pause);
    }

    /// Sends no more. The call stays open.
    pub(super) fn stop(&mut self) {
        self.state = Sending::Stopped;
    }

    /// Sends a request if it is time, and wakes the task when it is.
    pub(super) fn poll(&mut self, cx: &mut Context) -> Poll<Event> {
        loop {
            match self.state {
                Sending::Scheduled => {
                    ready!(Pin::new(&mut self.timer).poll(cx));
                    self.state = Sending::Due;
                }
                Sending::Due => {
                    return Poll::Ready(match ready!(self.poll_send(cx)) {
                        Ok(()) => {
                            self.state = Sending::Writing;
                            Event::RequestSent
                        }
                        Err(_) => self.refused(),
                    });
                }
                Sending::Writing => {
                    let written = ready!(Pin::new(&mut self.requests).poll_flush(cx));
                    return Poll::Ready(match written {
                        Ok(()) => {
                            self.state = Sending::Scheduled;
                            Event::RequestWritten
                        }
                        Err(_) => self.refused(),
                    });
                }
                Sending::Stopped => return Poll::Pending,
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context) -> Poll<grpcio::Result<()>> {
        ready!(Pin::new(&mut self.requests).poll_ready(cx))?;
        Poll::Ready(Pin::new(&mut self.requests).start_send(((), WriteFlags::default())))
    }

    fn refused(&mut self) -> Event {
        self.state = Sending::Stopped;
        Event::RequestRefused
    }
}
