//! What follows when a call has come to its end: the same question to another generation of Falco,
//! another call, or the end of the sequence.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::FutureExt;

use super::{Event, Subscription};
use crate::delivery::Tally;
use crate::error::Error;
use crate::source::grpc::channel::Generation;
use crate::source::grpc::examine::{examine, look};
use crate::source::grpc::status::{is_unimplemented, is_vague};
use crate::source::Purpose;

/// A subscription that lasted so long stood, though it brought nothing.
const STANDS: Duration = Duration::from_secs(5);

/// So many calls in a row that the server has ended are the connection's fault, perhaps.
const SPOILT: u32 = 4;

/// How long a look at a connection that failed may take.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);

impl Subscription {
    /// The call has come to its end.
    pub(super) fn over(&mut self, tally: &Tally) -> ControlFlow<Event> {
        self.call = None;
        self.asker = None;
        match self.failure.take() {
            None if self.purpose == Purpose::Get => ControlFlow::Break(Event::End(None)),
            None if self.generation == Generation::Output => {
                self.polling = true;
                self.turned = false;
                self.pulse.felt();
                match std::mem::replace(&mut self.following, true) {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(Event::Following),
                }
            }
            None => self.lost(None),
            Some(error) if self.may_turn(&error) => {
                // It was asked for nothing, so that nothing is on its way.
                if self.closing && self.purpose == Purpose::Subscribe {
                    return self.lost(None);
                }
                match self.turn(tally) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => self.lost(Some(self.explain(error))),
                }
            }
            Some(error) => self.lost(Some(self.explain(error))),
        }
    }

    /// Whether a Falco of the other generation may be there.
    fn may_turn(&self, error: &grpcio::Error) -> bool {
        is_unimplemented(error) && !self.turned && !self.fruitful && !self.cancelled
    }

    fn turn(&mut self, tally: &Tally) -> grpcio::Result<()> {
        self.turned = true;
        self.polling = false;
        self.generation = self.generation.other();
        self.current.set_generation(self.generation);
        self.begin(tally)
    }

    /// The server shows no sign of life. This channel would go on waiting for it.
    pub(super) fn stalled(&mut self) -> ControlFlow<Event> {
        self.fetcher.give_up();
        self.connection.renew(&self.current);
        self.lost(Some(Error::Timeout {
            endpoint: self.connection.endpoint().to_string(),
            after: self.connection.config().stall_timeout,
        }))
    }

    /// Ends the sequence, or waits for its next call.
    fn lost(&mut self, failure: Option<Error>) -> ControlFlow<Event> {
        self.call = None;
        self.asker = None;
        let polled = std::mem::take(&mut self.polling);
        // A newer Falco may be the next to answer.
        self.current.set_generation(Generation::Outputs);
        let followed = std::mem::take(&mut self.following);
        // A refusal may come late, as through a proxy that has to find the server first.
        let stood = self.fruitful || polled || followed && self.begun.elapsed() > STANDS;
        let goes_on = self.connection.config().keep_trying
            || failure.as_ref().is_none_or(Error::is_transient);
        if self.purpose == Purpose::Get || !goes_on || self.closing || self.cancelled {
            let failure = failure.map(|failure| examine(&self.connection, failure, LOOK_DEADLINE));
            let ending = async move {
                match failure {
                    Some(failure) => Some(failure.await),
                    None => None,
                }
            };
            self.ending = Some(ending.boxed());
            return ControlFlow::Continue(());
        }
        match &failure {
            _ if stood => self.refusals = 0,
            None => {}
            Some(failure) => {
                self.refusals += 1;
                if self.refusals == 1 && is_vague(failure) {
                    self.look = Some(look(&self.connection, LOOK_DEADLINE).boxed());
                }
                // What garbage has spoilt C-core would keep for ever.
                if self.refusals % SPOILT == 0 && matches!(failure, Error::Status { .. }) {
                    self.connection.renew(&self.current);
                }
                self.connection.renew_certificates(&self.current);
            }
        }
        let unavailable = matches!(failure, Some(Error::Unavailable { .. }));
        let pause = self.again.ended(stood, unavailable);
        ControlFlow::Break(Event::Lost {
            failure,
            pause,
            stood,
        })
    }
}
