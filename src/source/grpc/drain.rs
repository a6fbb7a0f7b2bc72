//! When a call that is asked no more has nothing on its way.
//!
//! After a silence the server is asked for its version, so that one that stands still is not taken
//! for one that has nothing to say. What it wrote before has arrived by the end of that; what it
//! was asked before, it may take a moment to write.

use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures_timer::Delay;
use grpcio::{Client, Result};

use super::version::probe;

/// How long the server may take to answer.
const CONFIRM: Duration = Duration::from_secs(5);

pub(super) struct Drain {
    patience: Duration,
    silence: Delay,
    question: Option<BoxFuture<'static, Result<()>>>,
    answer: Option<Result<()>>,
}

impl Drain {
    /// `unheard` is how long ago the last request was, for a call that has brought nothing yet.
    ///
    /// Such a call may be waiting for its turn, as Falco serves a limited number of streams. It has
    /// to be over before another call that is closed at the same time makes room for it, or it
    /// would be served while it is being cancelled.
    pub(super) fn new(patience: Duration, unheard: Option<Duration>) -> Drain {
        let longer = patience + patience / 4;
        let silence = unheard.map_or(longer, |ago| patience.saturating_sub(ago));
        Drain {
            patience: longer,
            silence: Delay::new(silence),
            question: None,
            answer: None,
        }
    }

    /// A message came.
    pub(super) fn heard(&mut self) {
        self.silence.reset(self.patience);
        self.question = None;
        self.answer = None;
    }

    /// Ready when nothing is on its way, with what the server answered.
    pub(super) fn poll(&mut self, cx: &mut Context, client: &Client) -> Poll<Result<()>> {
        loop {
            if let Some(question) = &mut self.question {
                self.answer = Some(ready!(question.as_mut().poll(cx)));
                self.question = None;
                self.silence.reset(self.patience / 4);
            }
            ready!(Pin::new(&mut self.silence).poll(cx));
            if let Some(answer) = self.answer.take() {
                return Poll::Ready(answer);
            }
            self.question = Some(probe(client, CONFIRM));
        }
    }
}
