//! What the services, the threads and the owner of a server share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use grpcio::{Metadata, MetadataBuilder};

use super::queue::{Ahead, Queue};
use super::slots::Slots;
use super::stall::{StallPolicy, StallTimer};
use crate::api::version;
use crate::util::lock::{lock, time_until, wait_while};

/// What is told beside a version: under which name, and what it is now.
pub(crate) type VersionMetadata = (&'static str, Arc<dyn Fn() -> String + Send + Sync>);

pub(crate) struct ServerState {
    pub queue: Queue,
    pub gets: Slots,
    pub subs: Slots,
    pub subscribes: Slots,
    /// Without it, streams may stand still, as with Falco.
    stall: Option<StallPolicy>,
    version: Mutex<version::Response>,
    version_metadata: Option<VersionMetadata>,
    stopping: AtomicBool,
    threads: Mutex<usize>,
    /// A thread has ended, or the server or a replay is to stop.
    changed: Condvar,
}

impl ServerState {
    /// `streams` is how many of each kind are served at once.
    pub fn new(
        streams: usize,
        queue: (bool, Ahead),
        stall: Option<StallPolicy>,
        version: version::Response,
        version_metadata: Option<VersionMetadata>,
    ) -> ServerState {
        let (fan_out, ahead) = queue;
        ServerState {
            queue: Queue::new(fan_out, ahead),
            stall,
            gets: Slots::new(streams),
            subs: Slots::new(streams),
            subscribes: Slots::new(streams),
            version: Mutex::new(version),
            version_metadata,
            stopping: AtomicBool::new(false),
            threads: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    /// What `version` answers.
    pub fn version(&self) -> version::Response {
        lock(&self.version).clone()
    }

    /// What is told beside it.
    pub fn version_metadata(&self) -> Option<Metadata> {
        let (name, value) = self.version_metadata.as_ref()?;
        let mut metadata = MetadataBuilder::with_capacity(1);
        metadata.add_str(name, &value()).ok()?;
        Some(metadata.build())
    }

    #[cfg(feature = "relay")]
    pub fn set_version(&self, answer: version::Response) {
        *lock(&self.version) = answer;
    }

    pub fn stall_timeout(&self) -> Option<Duration> {
        self.stall.as_ref().map(|stall| stall.timeout)
    }

    pub(super) fn stall_timer(&self) -> StallTimer {
        StallTimer::new(self.stall_timeout())
    }

    /// A stream is ended, as this client takes nothing.
    pub fn report_stalled(&self, peer: &str) {
        if let Some(StallPolicy { report, .. }) = &self.stall {
            report(peer);
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub fn stop(&self) {
        // A stream that ends now must not pass its slot on, and those that waited for one must
        // find the server stopping.
        let waiting = [&self.gets, &self.subs, &self.subscribes].map(Slots::close);
        self.set(&self.stopping);
        drop(waiting);
    }

    /// Sets a flag, and wakes the threads in [`ServerState::sleep`], which read it.
    pub fn set(&self, flag: &AtomicBool) {
        let _threads = self.threads();
        flag.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// Sleeps until then, or until the server stops or `stopped` is set.
    #[cfg(feature = "server")]
    pub fn sleep(&self, until: Instant, stopped: &AtomicBool) {
        self.wait(until, |_| {
            self.is_stopping() || stopped.load(Ordering::Acquire)
        });
    }

    pub fn thread_started(&self) {
        *self.threads() += 1;
    }

    pub fn thread_ended(&self) {
        let mut threads = self.threads();
        *threads = threads.saturating_sub(1);
        self.changed.notify_all();
    }

    /// Waits until all threads of this server have ended; returns whether they did by then.
    pub fn wait_for_threads(&self, until: Instant) -> bool {
        self.wait(until, |threads| threads == 0)
    }

    fn wait(&self, until: Instant, mut done: impl FnMut(usize) -> bool) -> bool {
        let undone = |threads: &mut usize| !done(*threads);
        !wait_while(&self.changed, self.threads(), time_until(until), undone).1
    }

    fn threads(&self) -> MutexGuard<'_, usize> {
        lock(&self.threads)
    }
}

impl fmt::Debug for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerState").finish_non_exhaustive()
    }
}
