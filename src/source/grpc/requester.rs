//! Sends the requests of a `sub`.

use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures::Sink;
use futures_timer::Delay;
use grpcio::{ClientDuplexSender, WriteFlags};

use super::cadence::Cadence;
use crate::delivery::Tally;

/// A server that refuses does so within this after the first request, or within the last pause. A
/// far one may take longer: then the state says for a moment that it follows.
const SETTLE: Duration = Duration::from_millis(100);

pub(super) struct Requester {
    requests: ClientDuplexSender<()>,
    sending: bool,
    settle: Duration,
    /// Since the first request was written.
    settling: Option<Delay>,
    // The call is over; its receiver tells why.
    refused: bool,
}

impl Requester {
    pub(super) fn new(requests: ClientDuplexSender<()>, settle: Duration) -> Requester {
        Requester {
            requests,
            sending: false,
            settle: settle.max(SETTLE),
            settling: None,
            refused: false,
        }
    }

    /// Whether the server has been asked, and has not refused.
    pub(super) fn poll_settled(&mut self, cx: &mut Context) -> Poll<()> {
        match &mut self.settling {
            Some(settling) if !self.refused => Pin::new(settling).poll(cx),
            _ => Poll::Pending,
        }
    }

    /// Sends the next request if it is time, and sees to it that the task is woken when it is.
    pub(super) fn poll(&mut self, cx: &mut Context, cadence: &mut Cadence, tally: &Tally) {
        while !self.refused {
            if self.sending {
                match Pin::new(&mut self.requests).poll_flush(cx) {
                    Poll::Pending => return,
                    Poll::Ready(result) => {
                        self.sending = false;
                        self.refused = result.is_err();
                        let settle = self.settle;
                        self.settling.get_or_insert_with(|| Delay::new(settle));
                    }
                }
            } else if cadence.poll_due(cx).is_ready() {
                match self.send(cx) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(())) => {
                        cadence.asked();
                        tally.requested();
                        self.sending = true;
                    }
                    Poll::Ready(Err(_)) => self.refused = true,
                }
            } else {
                return;
            }
        }
    }

    fn send(&mut self, cx: &mut Context) -> Poll<grpcio::Result<()>> {
        ready!(Pin::new(&mut self.requests).poll_ready(cx))?;
        Poll::Ready(Pin::new(&mut self.requests).start_send(((), WriteFlags::default())))
    }
}
