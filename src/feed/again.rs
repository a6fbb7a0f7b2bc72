//! When a subscription that ended is made again.

use std::sync::Arc;
use std::task::{ready, Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::FutureExt;
use futures_timer::Delay;

use super::call::Call;
use crate::channel::{Connection, Current};

/// The pause after a subscription that brought something, and the longest after ones that did not.
/// Between them it doubles. A server that is not there is waited for by C-core, whose own pauses
/// have about the same bounds.
const FIRST: Duration = Duration::from_millis(50);
const LAST: Duration = Duration::from_secs(5);

pub(super) struct Again {
    connection: Arc<Connection>,
    pause: Duration,
    wait: Option<BoxFuture<'static, ()>>,
}

impl Again {
    pub(super) fn new(connection: Arc<Connection>) -> Again {
        Again {
            connection,
            pause: FIRST,
            wait: None,
        }
    }

    /// The subscription has ended; `fruitful` if it brought something.
    pub(super) fn ended(&mut self, fruitful: bool) {
        self.pause = match fruitful {
            true => FIRST,
            false => (self.pause * 2).min(LAST),
        };
        let pause = Delay::new(self.pause);
        let channel = self.connection.current().client.channel().clone();
        let wait = async move {
            pause.await;
            // Not for ever: a call tells why there is still no connection.
            channel.wait_for_connected(LAST).await;
        };
        self.wait = Some(wait.boxed());
    }

    /// The next subscription, when its time has come.
    pub(super) fn poll(&mut self, cx: &mut Context) -> Poll<grpcio::Result<(Current, Call)>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.poll_unpin(cx));
            self.wait = None;
        }
        let current = self.connection.current();
        let call = Call::sub(&current.client);
        Poll::Ready(call.map(|call| (current, call)))
    }
}
