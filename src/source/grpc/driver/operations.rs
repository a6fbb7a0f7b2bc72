//! The I/O of a subscription: its calls, probes and waits.

use std::sync::Arc;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use grpcio::Client;

use super::requester::Requester;
use super::wait::until_retry;
use crate::api::paths;
use crate::delivery::{LiveCounters, Outlet};
use crate::diagnose::Finding;
use crate::error::Error;
use crate::source::grpc::call::Call;
use crate::source::grpc::channel::{Connection, CurrentChannel};
use crate::source::grpc::examine::find_failure;
use crate::source::grpc::rpc::{Generation, Rpc};
use crate::source::grpc::status::{explain, is_too_large};
use crate::source::grpc::subscription::{Event, Operation, Probe};
use crate::source::grpc::version::probe;
use crate::source::Purpose;

/// How long the examination of a failed connection may take at least.
const EXAMINATION_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Operations {
    connection: Arc<Connection>,
    /// The channel of the open call, or of the last one: a call that waits for its connection fails
    /// when its channel goes.
    channel: CurrentChannel,
    /// The method that errors name.
    method: &'static str,
    in_flight: InFlight,
    fetch: Option<Fetch>,
    drain_probe: Option<ProbeFuture>,
    examination: Option<BoxFuture<'static, Option<Finding>>>,
}

type ProbeFuture = BoxFuture<'static, grpcio::Result<()>>;

/// What the next phase waits for.
enum InFlight {
    Nothing,
    Call(Box<ActiveCall>),
    Wait(BoxFuture<'static, ()>),
}

struct ActiveCall {
    call: Call,
    /// Of a call that takes requests.
    requester: Option<Requester>,
    liveness_probe: Option<ProbeFuture>,
}

/// The fallback's `get`.
struct Fetch {
    call: Call,
    failure: Option<grpcio::Error>,
    probe: Option<ProbeFuture>,
}

pub(super) enum Arrival {
    /// Of the call.
    Message(Vec<u8>),
    /// Of the fallback's `get`.
    Fetched(Vec<u8>),
    Event(Event),
}

impl Operations {
    pub(super) fn new(connection: Arc<Connection>, purpose: Purpose) -> Operations {
        Operations {
            channel: connection.current(),
            connection,
            method: match purpose {
                Purpose::Get => paths::GET,
                Purpose::Subscribe => paths::SUB,
            },
            in_flight: InFlight::Nothing,
            fetch: None,
            drain_probe: None,
            examination: None,
        }
    }

    /// Of the channel, as far as is known.
    pub(super) fn generation(&self) -> Generation {
        self.channel.generation()
    }

    pub(super) fn client(&self) -> &Client {
        &self.channel.client
    }

    /// Returns what has happened at once, if something has.
    pub(super) fn perform(
        &mut self,
        operation: Operation,
        counters: &LiveCounters,
    ) -> Option<Event> {
        match operation {
            Operation::Open { rpc, request_in } => return self.open(rpc, request_in, counters),
            Operation::RequestIn(pause) => {
                if let Some(requester) = self.requester() {
                    requester.request_in(pause);
                }
            }
            Operation::StopRequests => {
                if let Some(requester) = self.requester() {
                    requester.stop();
                }
            }
            Operation::CancelCalls => {
                if let InFlight::Call(open) = &mut self.in_flight {
                    open.call.cancel();
                }
                if let Some(fetch) = &mut self.fetch {
                    fetch.call.cancel();
                }
            }
            Operation::DropCalls => {
                self.in_flight = InFlight::Nothing;
                self.fetch = None;
            }
            Operation::Fetch => return self.fetch(counters),
            Operation::Probe(purpose, timeout) => self.probe(purpose, timeout),
            Operation::Wait(wait) => {
                self.in_flight = InFlight::Wait(until_retry(&self.connection, wait));
            }
            Operation::Examine => {
                let timeout = *self.connection.config().connect_timeout;
                let finding = find_failure(&self.connection, timeout.max(EXAMINATION_TIMEOUT));
                self.examination = Some(finding.boxed());
            }
            Operation::SetGeneration(generation) => self.channel.set_generation(generation),
            Operation::RenewChannel => self.connection.renew(&self.channel),
            Operation::RenewCertificates => self.connection.renew_certificates(&self.channel),
        }
        None
    }

    fn open(&mut self, rpc: Rpc, request_in: Duration, counters: &LiveCounters) -> Option<Event> {
        let mut call = match Call::open(self.client(), rpc) {
            Ok(call) => call,
            Err(error) => return Some(Event::OpenFailed(self.explain(error))),
        };
        let requester = call
            .take_requests()
            .map(|requests| Requester::new(requests, request_in));
        if requester.is_none() {
            counters.requested();
        }
        self.in_flight = InFlight::Call(Box::new(ActiveCall {
            call,
            requester,
            liveness_probe: None,
        }));
        self.examination = None;
        None
    }

    fn fetch(&mut self, counters: &LiveCounters) -> Option<Event> {
        counters.requested();
        // If this call cannot be made, the subscription reports what is wrong.
        let Ok(call) = Call::open(self.client(), Rpc::Get) else {
            return Some(Event::FetchEnded(None));
        };
        self.fetch = Some(Fetch {
            call,
            failure: None,
            probe: None,
        });
        None
    }

    fn probe(&mut self, purpose: Probe, timeout: Duration) {
        let probe = Some(probe(self.client(), timeout));
        match (purpose, &mut self.in_flight, &mut self.fetch) {
            (Probe::Liveness, InFlight::Call(open), _) => open.liveness_probe = probe,
            (Probe::Fallback, _, Some(fetch)) => fetch.probe = probe,
            (Probe::Drain, _, _) => self.drain_probe = probe,
            // What it was for is over.
            (Probe::Liveness | Probe::Fallback, _, _) => {}
        }
    }

    fn requester(&mut self) -> Option<&mut Requester> {
        match &mut self.in_flight {
            InFlight::Call(open) => open.requester.as_mut(),
            InFlight::Nothing | InFlight::Wait(_) => None,
        }
    }

    /// What happens next. Probes come last: a message replaces the answer to one.
    /// Messages are in buffers of the outlet.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context,
        counters: &LiveCounters,
        outlet: &mut dyn Outlet,
    ) -> Poll<Arrival> {
        match &mut self.in_flight {
            InFlight::Nothing => {}
            InFlight::Call(open) => {
                if let Some(requester) = &mut open.requester {
                    if let Poll::Ready(event) = requester.poll(cx) {
                        if let Event::RequestSent = event {
                            counters.requested();
                        }
                        return Poll::Ready(Arrival::Event(event));
                    }
                }
                if let Poll::Ready(next) = open.call.poll_next(cx, outlet) {
                    return Poll::Ready(self.arrival(next));
                }
            }
            InFlight::Wait(wait) => {
                if wait.poll_unpin(cx).is_ready() {
                    self.in_flight = InFlight::Nothing;
                    self.channel = self.connection.current();
                    let generation = self.channel.generation();
                    return Poll::Ready(Arrival::Event(Event::RetryDue(generation)));
                }
            }
        }
        if let Some(fetch) = &mut self.fetch {
            if let Poll::Ready(message) = fetch.poll_next(cx, outlet) {
                return Poll::Ready(match message {
                    Some(message) => Arrival::Fetched(message),
                    None => Arrival::Event(self.fetch_ended()),
                });
            }
        }
        self.poll_answers(cx).map(Arrival::Event)
    }

    fn arrival(&mut self, next: Option<grpcio::Result<Vec<u8>>>) -> Arrival {
        match next {
            Some(Ok(message)) => Arrival::Message(message),
            Some(Err(error)) => Arrival::Event(Event::CallFailed(self.explain(error))),
            None => {
                self.in_flight = InFlight::Nothing;
                Arrival::Event(Event::CallEnded)
            }
        }
    }

    fn fetch_ended(&mut self) -> Event {
        let fetch = self.fetch.take();
        let failure = fetch.and_then(|fetch| fetch.failure);
        let too_large = failure.filter(is_too_large);
        Event::FetchEnded(too_large.map(|error| self.explain(error)))
    }

    fn poll_answers(&mut self, cx: &mut Context) -> Poll<Event> {
        if let InFlight::Call(open) = &mut self.in_flight {
            if let Poll::Ready(result) = poll_once(&mut open.liveness_probe, cx) {
                return Poll::Ready(Event::Probed(Probe::Liveness, result));
            }
        }
        if let Some(fetch) = &mut self.fetch {
            if let Poll::Ready(result) = poll_once(&mut fetch.probe, cx) {
                return Poll::Ready(Event::Probed(Probe::Fallback, result));
            }
        }
        if let Poll::Ready(result) = poll_once(&mut self.drain_probe, cx) {
            return Poll::Ready(Event::Probed(Probe::Drain, result));
        }
        poll_once(&mut self.examination, cx).map(Event::Examined)
    }

    fn explain(&self, error: grpcio::Error) -> Error {
        explain(self.connection.endpoint(), self.method, None, error)
    }
}

impl Fetch {
    fn poll_next(&mut self, cx: &mut Context, outlet: &mut dyn Outlet) -> Poll<Option<Vec<u8>>> {
        loop {
            match ready!(self.call.poll_next(cx, outlet)) {
                Some(Ok(message)) => return Poll::Ready(Some(message)),
                Some(Err(failure)) => {
                    self.failure.get_or_insert(failure);
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Takes a future out once it is ready.
#[inline]
fn poll_once<T>(slot: &mut Option<BoxFuture<'static, T>>, cx: &mut Context) -> Poll<T> {
    let Some(future) = slot else {
        return Poll::Pending;
    };
    let output = ready!(future.poll_unpin(cx));
    *slot = None;
    Poll::Ready(output)
}
