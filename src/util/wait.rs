//! Waiting for a future on this thread.
//!
//! It may be called inside any executor: `futures::executor::block_on` panics there, and executors
//! built on [`std::thread::park`] consume each other's wake-ups when they are nested.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
#[cfg(any(feature = "server", feature = "relay"))]
use std::time::Instant;

use crate::util::lock::{lock, wait_on};

#[derive(Default)]
struct Signal {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *lock(&self.woken) = true;
        self.changed.notify_one();
    }
}

/// Blocks this thread until `future` resolves.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(signal.clone());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut woken = lock(&signal.woken);
        while !*woken {
            woken = wait_on(&signal.changed, woken, None);
        }
        *woken = false;
    }
}

/// Blocks this thread until `future` resolves, or until then: `None` if it has not resolved.
#[cfg(any(feature = "server", feature = "relay"))]
pub(crate) fn wait_until<F: Future + Unpin>(future: F, until: Instant) -> Option<F::Output> {
    use futures::future::{select, Either};
    use futures_timer::Delay;

    let left = until.saturating_duration_since(Instant::now());
    match wait(select(future, Delay::new(left))) {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
