//! When a subscription that ended is made again.

use std::sync::Arc;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use futures_timer::Delay;
use grpcio::ConnectivityState;

use super::channel::{Connection, Current};

/// The pause after a subscription that stood, and the longest after ones that did not: it doubles.
/// A server that is not there is waited for by C-core, whose own pauses have about the same bounds.
const FIRST: Duration = Duration::from_millis(50);
const LAST: Duration = Duration::from_secs(5);

/// Where a connection stands by the time that a call has found none.
const SOON: Duration = Duration::from_millis(400);

const READY: ConnectivityState = ConnectivityState::GRPC_CHANNEL_READY;

pub(super) struct Reconnect {
    connection: Arc<Connection>,
    pause: Duration,
    wait: Option<BoxFuture<'static, ()>>,
}

impl Reconnect {
    pub(super) fn new(connection: Arc<Connection>) -> Reconnect {
        Reconnect {
            connection,
            pause: FIRST,
            wait: None,
        }
    }

    /// The last pause.
    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    /// The subscription has ended; `stood` if it could have brought something, `unavailable` if
    /// there was nobody to answer. Returns how long until the next, at the latest.
    pub(super) fn ended(&mut self, stood: bool, unavailable: bool) -> Duration {
        self.pause = match stood {
            true => FIRST,
            false => (self.pause * 2).min(LAST),
        };
        let more = self.pause - FIRST;
        let channel = self.connection.current().client.channel().clone();
        let connected = channel.check_connectivity_state(true) == READY;
        let wait = async move {
            Delay::new(FIRST).await;
            match (connected, unavailable) {
                // Not for ever: a call tells why there is still no connection.
                (false, _) => drop(channel.wait_for_connected(more).await),
                // A server that is stopping, or another that has just taken its place.
                (true, true) => Delay::new(more.min(SOON)).await,
                (true, false) => Delay::new(more).await,
            }
        };
        self.wait = Some(wait.boxed());
        self.pause
    }

    /// Ready when it is time for the next, with the channel to make it on.
    pub(super) fn poll(&mut self, cx: &mut Context) -> Poll<Current> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.poll_unpin(cx));
            self.wait = None;
        }
        Poll::Ready(self.connection.current())
    }
}
