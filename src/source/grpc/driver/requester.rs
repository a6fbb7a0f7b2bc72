//! Sends the requests of a `sub`.

use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use futures::Sink;
use grpcio::{ClientDuplexSender, WriteFlags};

use crate::source::grpc::alarms::Alarm;
use crate::source::grpc::channel::alarms;
use crate::source::grpc::subscription::Event;

pub(super) struct Requester {
    requests: ClientDuplexSender<()>,
    alarm: Alarm,
    /// The time of the next request.
    due: Instant,
    state: Sending,
}

enum Sending {
    /// It is not time yet.
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
            alarm: Alarm::new(alarms()),
            due: Instant::now() + first_in,
            state,
        }
    }

    /// Sends the next request after this time, once the last one is written.
    pub(super) fn request_in(&mut self, pause: Duration) {
        self.due = Instant::now() + pause;
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
                    ready!(self.alarm.poll(cx, self.due));
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
