//! The calls that make up one sequence of alerts, each made when its time has come.

mod ended;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::FutureExt;
use grpcio::Client;

use super::cadence::Cadence;
use super::call::{Call, Message, GET, SUB};
use super::channel::{Connection, Current, Generation};
use super::fallback::{Fallback, Fallen};
use super::liveness::Liveness;
use super::reconnect::Reconnect;
use super::requester::Requester;
use super::status::explain;
use crate::delivery::Tally;
use crate::diagnose::Finding;
use crate::error::{Error, Result};
use crate::source::Purpose;

fn method(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Get => GET.name,
        Purpose::Subscribe => SUB.name,
    }
}

pub(super) enum Event {
    Message(Message),
    /// Falco was asked for alerts, over a connection that stands. Of a subscription only.
    Following,
    /// No alerts can come, and the next call is made after `pause`.
    Lost {
        /// None where Falco has ended the subscription.
        failure: Option<Error>,
        pause: Duration,
        /// It had stood before.
        stood: bool,
    },
    /// What a look at the connection has found, after it was lost.
    Found(Finding),
    /// An alert was not received.
    Failed(Error),
    /// Falco accepts the subscription and does not serve it: alerts are fetched meanwhile.
    Unserved,
    /// Nothing follows.
    End(Option<Error>),
}

pub(super) struct Subscription {
    purpose: Purpose,
    connection: Arc<Connection>,
    /// Also since a call that still waits for its connection fails when the channel goes.
    current: Current,
    generation: Generation,
    /// Falco had no service of the other generation.
    turned: bool,
    /// None between two calls.
    call: Option<Call>,
    /// Of a `sub`.
    asker: Option<Requester>,
    cadence: Cadence,
    /// A call of the older generation has brought what there was, and the next one is due soon.
    polling: bool,
    fetcher: Fallback,
    again: Reconnect,
    pulse: Liveness,
    /// The call has brought a message.
    fruitful: bool,
    following: bool,
    begun: Instant,
    /// Calls in a row that did not stand.
    refusals: u32,
    look: Option<BoxFuture<'static, Option<Finding>>>,
    /// What the sequence ends with, once a last look at it is over.
    ending: Option<BoxFuture<'static, Option<Error>>>,
    /// Has shown that the subscription stands, which is told first.
    first: Option<Message>,
    closing: bool,
    cancelled: bool,
    failure: Option<grpcio::Error>,
}

impl Subscription {
    /// Makes the first call.
    pub(super) fn new(
        connection: Arc<Connection>,
        purpose: Purpose,
        tally: &Tally,
    ) -> Result<Subscription> {
        let config = connection.config();
        let current = connection.current();
        let mut calls = Subscription {
            purpose,
            generation: current.generation(),
            current,
            turned: false,
            call: None,
            asker: None,
            cadence: Cadence::new(config.request_interval.clone()),
            polling: false,
            fetcher: Fallback::new(*config.request_interval.end()),
            again: Reconnect::new(connection.clone()),
            pulse: Liveness::new(config.stall_timeout),
            connection,
            fruitful: false,
            following: false,
            begun: Instant::now(),
            refusals: 0,
            look: None,
            ending: None,
            first: None,
            closing: false,
            cancelled: false,
            failure: None,
        };
        match calls.begin(tally) {
            Ok(()) => Ok(calls),
            Err(error) => Err(calls.explain(error)),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.current.client
    }

    /// A message came, or could have come unnoticed.
    pub(super) fn heard(&mut self) {
        self.pulse.felt();
        self.cadence.heard();
    }

    /// How long ago Falco was asked, where the call has brought nothing yet that asks.
    pub(super) fn unheard(&self) -> Option<Duration> {
        let unheard = self.asker.is_some() && !self.fruitful && !self.fetcher.is_looking();
        unheard.then(|| self.cadence.since_asked())
    }

    /// Asks for no more, and makes no more calls.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// Ends the call. What C-core has told already still comes out of it, ahead of its end.
    pub(super) fn cancel(&mut self) {
        if !self.cancelled {
            self.cancelled = true;
            if let Some(call) = &mut self.call {
                call.cancel();
            }
            self.fetcher.cancel();
        }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context, tally: &Tally) -> Poll<Event> {
        if let Some(message) = self.first.take() {
            return Poll::Ready(Event::Message(message));
        }
        loop {
            let Some(call) = &mut self.call else {
                if let Poll::Ready(event) = self.poll_fetcher(cx, tally) {
                    return Poll::Ready(event);
                }
                if self.closing || self.cancelled || self.ending.is_some() {
                    if self.fetcher.is_looking() {
                        return Poll::Pending;
                    }
                    let error = match &mut self.ending {
                        Some(ending) => ready!(ending.poll_unpin(cx)),
                        None => None,
                    };
                    return Poll::Ready(Event::End(error));
                }
                if let Some(look) = &mut self.look {
                    if let Poll::Ready(found) = look.poll_unpin(cx) {
                        self.look = None;
                        if let Some(finding) = found {
                            return Poll::Ready(Event::Found(finding));
                        }
                    }
                }
                if let Err(error) = ready!(self.poll_next_call(cx, tally)) {
                    let error = self.explain(error);
                    return Poll::Ready(Event::End(Some(error)));
                }
                continue;
            };
            if let Some(asker) = self.asker.as_mut().filter(|_| !self.closing) {
                asker.poll(cx, &mut self.cadence, tally);
                if !self.following && asker.poll_settled(cx).is_ready() {
                    self.following = true;
                    return Poll::Ready(Event::Following);
                }
            }
            match call.poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    let first = !std::mem::replace(&mut self.fruitful, true);
                    // Of one that was taken for unserved, too.
                    if self.purpose == Purpose::Get || !first {
                        return Poll::Ready(Event::Message(message));
                    }
                    self.following = true;
                    self.first = Some(message);
                    return Poll::Ready(Event::Following);
                }
                // It may have overtaken messages: the end tells that there are no more. That of a
                // call which was cancelled here is no news.
                Poll::Ready(Some(Err(failure))) => {
                    if !self.cancelled {
                        self.failure.get_or_insert(failure);
                    }
                }
                Poll::Ready(None) => {
                    if let ControlFlow::Break(event) = self.over(tally) {
                        return Poll::Ready(event);
                    }
                }
                Poll::Pending => {
                    if let Poll::Ready(event) = self.poll_fetcher(cx, tally) {
                        return Poll::Ready(event);
                    }
                    if self.cancelled {
                        return Poll::Pending;
                    }
                    ready!(self.pulse.poll_stopped(cx, &self.current.client));
                    if let ControlFlow::Break(event) = self.stalled() {
                        return Poll::Ready(event);
                    }
                }
            }
        }
    }

    fn poll_fetcher(&mut self, cx: &mut Context, tally: &Tally) -> Poll<Event> {
        let may = self.asker.is_some() && self.following && !self.fruitful && !self.closing;
        let may = may && !self.cancelled;
        let fetched = ready!(self.fetcher.poll(cx, &self.current.client, may, tally));
        Poll::Ready(match fetched {
            Fallen::Message(message) => Event::Message(message),
            Fallen::Failed(error) => Event::Failed(self.explain(error)),
            Fallen::Unserved => Event::Unserved,
        })
    }

    /// Makes the next call of a subscription, when its time has come.
    fn poll_next_call(&mut self, cx: &mut Context, tally: &Tally) -> Poll<grpcio::Result<()>> {
        if self.polling {
            ready!(self.cadence.poll_due(cx));
        } else {
            self.current = ready!(self.again.poll(cx));
            self.generation = self.current.generation();
            self.turned = false;
            self.fetcher.restart();
            let config = self.connection.config();
            self.cadence = Cadence::new(config.request_interval.clone());
            self.pulse = Liveness::new(config.stall_timeout);
        }
        Poll::Ready(self.begin(tally))
    }

    fn begin(&mut self, tally: &Tally) -> grpcio::Result<()> {
        let client = &self.current.client;
        let mut call = match self.purpose {
            Purpose::Get => Call::get(client, self.generation)?,
            Purpose::Subscribe => Call::subscribe(client, self.generation)?,
        };
        let settle = self.again.pause();
        self.asker = call
            .take_requests()
            .map(|requests| Requester::new(requests, settle));
        if self.asker.is_none() {
            // The call is the request.
            self.cadence.asked();
            tally.requested();
        }
        self.call = Some(call);
        self.fruitful = false;
        self.begun = Instant::now();
        self.look = None;
        Ok(())
    }

    fn explain(&self, error: grpcio::Error) -> Error {
        let method = method(self.purpose);
        explain(self.connection.endpoint(), method, None, error)
    }
}
