//! Whether standard output was closed when the process began, as by `>&-`.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{fcntl_getfd, Errno};
use rustix::stdio::stdout;

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Before `main`: by then Rust's runtime has put `/dev/null` in place of a closed descriptor, which
/// would take all alerts without an error.
#[ctor::ctor]
fn look_before_main() {
    let closed = fcntl_getfd(stdout()) == Err(Errno::BADF);
    CLOSED.store(closed, Ordering::Relaxed);
}

pub fn was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}
