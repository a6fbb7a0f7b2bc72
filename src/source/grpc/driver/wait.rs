//! Waits until the next call of a subscription can be made.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use futures_timer::Delay;
use grpcio::ConnectivityState;

use crate::source::grpc::channel::Connection;
use crate::source::grpc::subscription::{RetryWait, SHORTEST_PAUSE};

/// How long after a call that found no connection the state of the channel is known.
const STATE_KNOWN: Duration = Duration::from_millis(400);

const READY: ConnectivityState = ConnectivityState::GRPC_CHANNEL_READY;

pub(super) fn until_retry(connection: &Connection, wait: RetryWait) -> BoxFuture<'static, ()> {
    let channel = connection.current().client.channel().clone();
    let is_connected = channel.check_connectivity_state(true) == READY;
    let more = wait.pause - SHORTEST_PAUSE;
    let unavailable = wait.unavailable;
    async move {
        Delay::new(SHORTEST_PAUSE).await;
        match (is_connected, unavailable) {
            // Not for ever: a call reports why there is still no connection.
            (false, _) => drop(channel.wait_for_connected(more).await),
            // A server that is stopping, or another that has just taken its place.
            (true, true) => Delay::new(more.min(STATE_KNOWN)).await,
            (true, false) => Delay::new(more).await,
        }
    }
    .boxed()
}
