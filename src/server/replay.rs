//! Feeding a server from a recording.

use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::falco_api::ServerState;

/// At high rates a handful is due at a time: shorter sleeps cost more than they are worth.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

/// A thread that appends messages to a server's queue. Made by
/// [`Server::replay`](super::Server::replay); it goes on when this handle is dropped.
#[derive(Debug)]
pub struct Replay {
    state: Arc<ServerState>,
    progress: Arc<ReplayProgress>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct ReplayProgress {
    stopped: AtomicBool,
    pushed: AtomicU64,
}

impl Replay {
    pub(super) fn start(
        state: &Arc<ServerState>,
        messages: impl Iterator<Item = Vec<u8>> + Send + 'static,
        rate: Option<NonZeroU32>,
    ) -> io::Result<Replay> {
        let progress = Arc::new(ReplayProgress::default());
        // Counted from here on, so that a server that ends at once waits for it.
        let counted = CountedReplay::new(state.clone());
        let its = progress.clone();
        let thread = Builder::new()
            .name("falco-replay".into())
            .spawn(move || run(&counted.0, &its, messages, rate))?;
        Ok(Replay {
            state: state.clone(),
            progress,
            thread,
        })
    }

    /// How many messages were appended so far.
    pub fn pushed(&self) -> u64 {
        self.progress.pushed.load(Ordering::Relaxed)
    }

    /// Ends it before its messages do.
    pub fn stop(&self) {
        self.state.set(&self.progress.stopped);
    }

    /// Waits until it has ended, and returns how many messages were appended.
    pub fn wait(self) -> u64 {
        // A panic of the caller's iterator has been reported by its thread.
        let _ = self.thread.join();
        self.progress.pushed.load(Ordering::Relaxed)
    }
}

fn run(
    state: &ServerState,
    progress: &ReplayProgress,
    messages: impl Iterator<Item = Vec<u8>>,
    rate: Option<NonZeroU32>,
) {
    let start = Instant::now();
    for (number, message) in (0..).zip(messages) {
        if let Some(rate) = rate {
            // Each time is reckoned from the start, so that delays do not add up.
            let Some(due) = start.checked_add(after(number, rate)) else {
                return;
            };
            let now = Instant::now();
            if now < due {
                state.sleep(due.max(now + SHORTEST_SLEEP), &progress.stopped);
            }
        }
        if state.is_stopping() || progress.stopped.load(Ordering::Acquire) {
            return;
        }
        state.queue.push(message);
        progress.pushed.fetch_add(1, Ordering::Relaxed);
    }
}

/// When the message of this number is due, reckoned from the start.
fn after(number: u64, rate: NonZeroU32) -> Duration {
    let (number, rate) = (u128::from(number), u128::from(rate.get()));
    Duration::from_nanos(u64::try_from(number * 1_000_000_000 / rate).unwrap_or(u64::MAX))
}

/// One of the threads that the server waits for when it ends.
struct CountedReplay(Arc<ServerState>);

impl CountedReplay {
    fn new(state: Arc<ServerState>) -> CountedReplay {
        state.thread_started();
        CountedReplay(state)
    }
}

impl Drop for CountedReplay {
    fn drop(&mut self) {
        self.0.thread_ended();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_does_not_drift() {
        let rate = NonZeroU32::new(3).unwrap();
        assert_eq!(after(0, rate), Duration::ZERO);
        assert_eq!(after(1, rate), Duration::from_nanos(333_333_333));
        assert_eq!(after(3_000_000, rate), Duration::from_secs(1_000_000));
    }
}
