//! Whether the server still lives, while it has nothing to say.
//!
//! Falco's server punishes HTTP/2 pings on a silent connection, but answers `version` at any time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use futures_timer::Delay;
use grpcio::{Client, RpcStatusCode};

use super::call::version;

pub(super) struct Pulse {
    /// A third of the patience: one for a message that came just after a look, one until the
    /// question, one for the answer.
    third: Duration,
    felt: bool,
    next: Delay,
    question: Option<BoxFuture<'static, grpcio::Result<()>>>,
}

impl Pulse {
    pub(super) fn new(patience: Duration) -> Pulse {
        let third = patience / 3;
        Pulse {
            third,
            felt: false,
            next: Delay::new(third),
            question: None,
        }
    }

    /// A message came.
    pub(super) fn felt(&mut self) {
        self.felt = true;
    }

    /// Ready when the server has shown no sign of life for too long.
    pub(super) fn poll_stopped(&mut self, cx: &mut Context, client: &Client) -> Poll<()> {
        loop {
            if let Some(question) = &mut self.question {
                let answer = std::task::ready!(question.as_mut().poll(cx));
                self.question = None;
                self.next.reset(self.third);
                if timed_out(&answer) && !std::mem::take(&mut self.felt) {
                    return Poll::Ready(());
                }
            }
            std::task::ready!(Pin::new(&mut self.next).poll(cx));
            if std::mem::take(&mut self.felt) {
                self.next.reset(self.third);
            } else {
                let answer = version(client, self.third);
                self.question = Some(async { answer?.await.map(drop) }.boxed());
            }
        }
    }
}

/// Any other failure has come from the server, or tells itself what is wrong.
fn timed_out(answer: &grpcio::Result<()>) -> bool {
    matches!(answer, Err(grpcio::Error::RpcFailure(status))
        if status.code() == RpcStatusCode::DEADLINE_EXCEEDED)
}
