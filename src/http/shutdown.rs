//! Shutdown of a listener.

use std::os::fd::BorrowedFd;

/// What a listener does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shutdown {
    /// It goes on serving.
    No,
    /// It answers requests that have arrived, and ends.
    Graceful,
    /// It closes all connections, and ends.
    Immediate,
}

/// Requests the end of a listener.
pub(crate) trait ShutdownSignal {
    /// Readable when [`requested`](ShutdownSignal::requested) may return something new.
    fn readable(&self) -> BorrowedFd<'_>;

    fn requested(&self) -> Shutdown;
}
