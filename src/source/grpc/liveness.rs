//! Whether the server still lives, while it has nothing to say.
//!
//! Falco's server punishes HTTP/2 pings on a silent connection, but answers `version` at any time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures_timer::Delay;
use grpcio::{Client, RpcStatusCode};

use super::version::probe;

pub(super) struct Liveness {
    /// A quarter of the patience: one for a message that came just after a look, one until the
    /// question, and one each for two answers. This process may itself have stood still, so that
    /// one answer is late here while alerts are waiting.
    quarter: Duration,
    felt: bool,
    missed: bool,
    next: Delay,
    question: Option<BoxFuture<'static, grpcio::Result<()>>>,
}

impl Liveness {
    pub(super) fn new(patience: Duration) -> Liveness {
        let quarter = patience / 4;
        Liveness {
            quarter,
            felt: false,
            missed: false,
            next: Delay::new(quarter),
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
                if timed_out(&answer) && !std::mem::take(&mut self.felt) {
                    if std::mem::replace(&mut self.missed, true) {
                        return Poll::Ready(());
                    }
                    self.ask(client);
                    continue;
                }
                self.missed = false;
                self.next.reset(self.quarter);
            }
            std::task::ready!(Pin::new(&mut self.next).poll(cx));
            if std::mem::take(&mut self.felt) {
                self.next.reset(self.quarter);
            } else {
                self.ask(client);
            }
        }
    }

    fn ask(&mut self, client: &Client) {
        self.question = Some(probe(client, self.quarter));
    }
}

/// Any other failure has come from the server, or tells itself what is wrong.
fn timed_out(answer: &grpcio::Result<()>) -> bool {
    matches!(answer, Err(grpcio::Error::RpcFailure(status))
        if status.code() == RpcStatusCode::DEADLINE_EXCEEDED)
}
