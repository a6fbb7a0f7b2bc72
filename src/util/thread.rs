//! Threads, and which of them deliver what arrives.

use std::cell::Cell;
use std::io;
use std::thread::{Builder, JoinHandle};

thread_local! {
    static DELIVERS: Cell<bool> = const { Cell::new(false) };
}

/// Whether bytes arrive on this thread. Blocking it would deadlock.
pub(crate) fn on_delivery_thread() -> bool {
    DELIVERS.get()
}

/// Marks this thread as one on which bytes arrive.
pub(crate) fn deliver_here() {
    DELIVERS.set(true);
}

/// Starts a thread, whose name the system cuts after 15 bytes.
///
/// # Errors
///
/// Where the system gives no more threads.
pub(crate) fn spawn_named<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(run)
}
