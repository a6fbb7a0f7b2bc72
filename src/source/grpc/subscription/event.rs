//! What goes into a subscription and what comes out of it.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnose::Finding;
use crate::error::Error;
use crate::source::grpc::rpc::{Generation, Rpc};

/// What has happened. Messages are not among them: see
/// [`Subscription::message`](super::Subscription::message).
#[derive(Debug)]
pub(crate) enum Event {
    /// The call cannot be made at all.
    OpenFailed(Error),
    /// A request has been handed to C-core.
    RequestSent,
    /// It has been written to the connection.
    RequestWritten,
    /// The call takes no more requests: it is over. Its failure follows.
    RequestRefused,
    /// The call has failed. Messages that came before may still follow, then its end.
    CallFailed(Error),
    /// Nothing follows from the call.
    CallEnded,
    /// Nothing follows from the fallback's `get`. With an error if an alert was too large: any other
    /// failure comes out of the call as well.
    FetchEnded(Option<Error>),
    Probed(Probe, grpcio::Result<()>),
    /// The connection was examined.
    Examined(Option<Finding>),
    /// The wait for the next call is over. The channel serves this generation, as far as is known.
    RetryDue(Generation),
    /// The time of [`Subscription::deadline`](super::Subscription::deadline) has come.
    Timeout,
    /// The reader wants what is in flight, and no more.
    Close,
    /// The reader wants what has arrived, and no more.
    Cancel,
}

/// Why the server is probed with a call of version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Probe {
    Liveness,
    Fallback,
    Drain,
}

/// What to do, in the order in which it comes out.
#[derive(Debug)]
pub(crate) enum Action {
    Perform(Operation),
    Report(Notice),
}

/// I/O to do.
#[derive(Debug)]
pub(crate) enum Operation {
    /// Make a call, with its first request after this time if it takes requests.
    Open {
        rpc: Rpc,
        request_in: Duration,
    },
    /// Send the next request after this time.
    RequestIn(Duration),
    /// Send no more requests, and keep the call.
    StopRequests,
    /// Cancel every open call. What has arrived still comes out of it, then its end.
    CancelCalls,
    /// Drop every open call.
    DropCalls,
    /// Call `get` beside the open call.
    Fetch,
    Probe(Probe, Duration),
    /// Wait until the next call can be made.
    Wait(RetryWait),
    /// Find out what is wrong with the connection.
    Examine,
    /// The channel serves this generation, for whoever uses it next.
    SetGeneration(Generation),
    /// Replace the channel.
    RenewChannel,
    /// Replace the channel if the files of its certificates have changed.
    RenewCertificates,
}

/// How to wait for the next call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RetryWait {
    /// How long at the most.
    pub pause: Duration,
    /// There was no server to answer.
    pub unavailable: bool,
}

/// What the reader, the state and the log are to learn.
#[derive(Debug)]
pub(crate) enum Notice {
    Following {
        /// A subscription that was served had been lost.
        reconnected: bool,
    },
    /// The subscription is lost. The next one follows after `pause`.
    Waiting {
        why: Arc<str>,
        pause: Duration,
        /// An item for the reader, where an alert was lost or somebody has to act.
        error: Option<Error>,
    },
    /// What the examination of a lost connection has found.
    Found(Finding),
    /// Falco accepts the subscription and does not serve it: alerts are fetched meanwhile.
    Unserved,
    /// An alert was not received.
    AlertLost(Error),
    /// Closing, but the server did not answer whether something is in flight.
    Unconfirmed(grpcio::Error),
    /// Nothing follows.
    End(Option<Error>),
}
