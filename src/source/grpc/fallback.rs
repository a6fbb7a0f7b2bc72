//! Fetches alerts for a subscription that Falco accepts and does not serve.
//!
//! Falco serves ten subscriptions for each of its `grpc.threadiness`, and leaves others waiting
//! without a word, as it leaves one that it serves while there are no alerts. A `get` tells the two
//! apart: what it brings, a subscription that is served would have brought. It also stands in for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use futures_timer::Delay;
use grpcio::Client;

use super::call::{Call, Message};
use super::channel::Generation;
use super::status::is_too_large;
use super::version::probe;
use crate::delivery::Tally;

/// From the subscription to the first look, and between two looks at one that is not served.
const FIRST: Duration = Duration::from_secs(1);
/// Between two looks at one that may only have nothing to say.
const LAST: Duration = Duration::from_secs(16);
/// A `get` that is served begins to answer at once.
const SERVED: Duration = Duration::from_secs(5);
/// One look may catch what the subscription was just about to bring.
const PROOF: u32 = 2;

pub(super) enum Fallen {
    Message(Message),
    /// An alert was not received: it was too large.
    Failed(grpcio::Error),
    /// Falco does not serve the subscription. Told once.
    Unserved,
}

pub(super) struct Fallback {
    /// Long enough that the subscription has been asked for what a look finds.
    first: Duration,
    pause: Duration,
    next: Delay,
    call: Option<Call>,
    found: bool,
    failure: Option<grpcio::Error>,
    /// How many looks have found something.
    finds: u32,
    unserved: bool,
    overdue: Option<BoxFuture<'static, bool>>,
}

impl Fallback {
    /// `interval` is the longest between two requests of the subscription.
    pub(super) fn new(interval: Duration) -> Fallback {
        let first = FIRST.max(interval * 2);
        Fallback {
            first,
            pause: first,
            next: Delay::new(first),
            call: None,
            found: false,
            failure: None,
            finds: 0,
            unserved: false,
            overdue: None,
        }
    }

    /// For the next subscription.
    pub(super) fn restart(&mut self) {
        self.pause = self.first;
        self.next.reset(self.first);
        self.found = false;
        self.finds = 0;
        self.unserved = false;
    }

    /// The server is gone, and what was on its way with it.
    pub(super) fn give_up(&mut self) {
        self.call = None;
        self.overdue = None;
        self.failure = None;
    }

    pub(super) fn cancel(&mut self) {
        if let Some(call) = &mut self.call {
            call.cancel();
        }
    }

    /// Whether a look is being taken, so that alerts may be on their way.
    pub(super) fn is_looking(&self) -> bool {
        self.call.is_some()
    }

    /// Takes a look when it is time, if it `may`; goes on with one that has begun in any case.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context,
        client: &Client,
        may: bool,
        tally: &Tally,
    ) -> Poll<Fallen> {
        loop {
            let Some(call) = &mut self.call else {
                if !may {
                    return Poll::Pending;
                }
                ready!(Pin::new(&mut self.next).poll(cx));
                self.next.reset(self.pause);
                self.found = false;
                self.overdue = Some(is_overdue(client.clone()).boxed());
                // The subscription tells what is wrong where this cannot be made.
                self.call = Call::get(client, Generation::Outputs).ok();
                tally.requested();
                continue;
            };
            match call.poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    self.found = true;
                    self.overdue = None;
                    return Poll::Ready(Fallen::Message(message));
                }
                Poll::Ready(Some(Err(failure))) => {
                    self.failure.get_or_insert(failure);
                }
                Poll::Ready(None) => {
                    self.call = None;
                    self.overdue = None;
                    // Any other failure, the subscription has as well.
                    let failure = self.failure.take().filter(is_too_large);
                    self.finds += u32::from(self.found || failure.is_some());
                    self.pause = match self.finds {
                        0 => (self.pause * 2).min(LAST.max(self.first)),
                        _ => self.first,
                    };
                    self.next.reset(self.pause);
                    if let Some(failure) = failure {
                        return Poll::Ready(Fallen::Failed(failure));
                    }
                    if may && self.finds >= PROOF {
                        if let Some(unserved) = self.tell() {
                            return Poll::Ready(unserved);
                        }
                    }
                }
                Poll::Pending => {
                    let Some(overdue) = &mut self.overdue else {
                        return Poll::Pending;
                    };
                    let is_overdue = ready!(overdue.poll_unpin(cx));
                    self.overdue = None;
                    if may && is_overdue {
                        if let Some(unserved) = self.tell() {
                            return Poll::Ready(unserved);
                        }
                    }
                }
            }
        }
    }

    fn tell(&mut self) -> Option<Fallen> {
        let first = !std::mem::replace(&mut self.unserved, true);
        first.then_some(Fallen::Unserved)
    }
}

/// Whether a `get` that has brought nothing by then waits for its turn: the server still answers.
async fn is_overdue(client: Client) -> bool {
    Delay::new(SERVED).await;
    probe(&client, SERVED).await.is_ok()
}
