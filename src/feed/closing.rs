//! When a call that is asked no more has nothing on its way.

use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use futures_timer::Delay;
use grpcio::Client;

use super::call::version;

/// How long the server may take to confirm it.
const CONFIRM: Duration = Duration::from_secs(5);

pub(super) struct Closing {
    patience: Duration,
    silence: Delay,
    /// A round trip after the silence: what the server wrote before has arrived by its end, and a
    /// server that stands still is not taken for one that has nothing to say.
    answer: Option<BoxFuture<'static, grpcio::Result<()>>>,
}

impl Closing {
    /// `unheard` is how long ago the last request was, for a call that has brought nothing yet.
    ///
    /// Such a call may be waiting for its turn, as Falco serves a limited number of streams. It has
    /// to be over before another call that is closed at the same time makes room for it, or it
    /// would be served while it is being cancelled.
    pub(super) fn new(patience: Duration, unheard: Option<Duration>) -> Closing {
        let longer = patience + patience / 4;
        let silence = unheard.map_or(longer, |ago| patience.saturating_sub(ago));
        Closing {
            patience: longer,
            silence: Delay::new(silence),
            answer: None,
        }
    }

    /// A message came.
    pub(super) fn heard(&mut self) {
        self.silence.reset(self.patience);
        self.answer = None;
    }

    /// Ready when nothing is on its way, with what the server answered.
    pub(super) fn poll(&mut self, cx: &mut Context, client: &Client) -> Poll<grpcio::Result<()>> {
        if self.answer.is_none() {
            ready!(Pin::new(&mut self.silence).poll(cx));
        }
        let answer = self.answer.get_or_insert_with(|| {
            let answer = version(client, CONFIRM);
            async { answer?.await.map(drop) }.boxed()
        });
        answer.as_mut().poll(cx)
    }
}
