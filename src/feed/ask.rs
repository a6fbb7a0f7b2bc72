//! When to ask a `sub` for more.
//!
//! Falco writes only in answer to a request, so the interval between requests is a choice between
//! latency and idle CPU. The next request comes after an eighth of the silence so far, within two
//! bounds: soon after an alert, ever more slowly without.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::Sink;
use futures_timer::Delay;
use grpcio::{ClientDuplexSender, WriteFlags};

pub(super) struct Asker {
    requests: ClientDuplexSender<()>,
    interval: RangeInclusive<Duration>,
    next: Delay,
    due: bool,
    sending: bool,
    asked: bool,
    // The call is over; its receiver tells why.
    refused: bool,
    heard: bool,
    last_heard: Instant,
    last_asked: Instant,
}

impl Asker {
    pub(super) fn new(
        requests: ClientDuplexSender<()>,
        interval: RangeInclusive<Duration>,
    ) -> Asker {
        Asker {
            requests,
            interval,
            next: Delay::new(Duration::ZERO),
            due: true,
            sending: false,
            asked: false,
            refused: false,
            heard: false,
            last_heard: Instant::now(),
            last_asked: Instant::now(),
        }
    }

    /// Whether a request has been written, so that the connection stands.
    pub(super) fn has_asked(&self) -> bool {
        self.asked
    }

    /// How long ago the last request was.
    pub(super) fn since_asked(&self) -> Duration {
        self.last_asked.elapsed()
    }

    /// An alert came.
    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// Sends the next request if it is time, and sees to it that the task is woken when it is.
    pub(super) fn poll(&mut self, cx: &mut Context) {
        while !self.refused {
            if self.sending {
                match Pin::new(&mut self.requests).poll_flush(cx) {
                    Poll::Pending => return,
                    Poll::Ready(result) => {
                        self.sending = false;
                        self.refused = result.is_err();
                        self.asked |= result.is_ok();
                    }
                }
            } else if self.due {
                match self.send(cx) {
                    Poll::Pending => return,
                    Poll::Ready(result) => self.refused = result.is_err(),
                }
            } else if Pin::new(&mut self.next).poll(cx).is_ready() {
                self.due = true;
            } else {
                return;
            }
        }
    }

    fn send(&mut self, cx: &mut Context) -> Poll<grpcio::Result<()>> {
        std::task::ready!(Pin::new(&mut self.requests).poll_ready(cx))?;
        Pin::new(&mut self.requests).start_send(((), WriteFlags::default()))?;
        self.due = false;
        self.sending = true;
        let now = Instant::now();
        self.last_asked = now;
        if std::mem::take(&mut self.heard) {
            self.last_heard = now;
        }
        self.next
            .reset(after(now - self.last_heard, &self.interval));
        Poll::Ready(Ok(()))
    }
}

fn after(silence: Duration, interval: &RangeInclusive<Duration>) -> Duration {
    (silence / 8).clamp(*interval.start(), (*interval.end()).max(*interval.start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_an_eighth_of_the_silence_within_its_bounds() {
        let ms = Duration::from_millis;
        let bounds = ms(10)..=ms(250);
        for (silence, expected) in [(0, 10), (80, 10), (160, 20), (1_600, 200), (60_000, 250)] {
            assert_eq!(after(ms(silence), &bounds), ms(expected));
        }
    }
}
