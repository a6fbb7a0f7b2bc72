//! Notices that nothing reads standard output any more, as after `| head -1`.

use std::io::{self, ErrorKind};
use std::thread;

use rustix::event::{poll, PollFd, PollFlags};

use crate::diagnostics::Failure;

/// Calls `act`, on a thread of its own, when the reader of standard output has closed it. The next
/// write would fail as well, but would lose an alert.
pub fn on_closed_output(act: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let wait = move || {
        let stdout = io::stdout();
        loop {
            // Errors and hang-ups are reported without being asked for.
            let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
            match poll(&mut watched, None) {
                Ok(_) => return act(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The next write has to notice.
                Err(_) => return,
            }
        }
    };
    let thread = thread::Builder::new().name("closed output".to_owned());
    thread.spawn(wait).map(drop).map_err(|source| Failure::Os {
        what: "watching standard output".to_owned(),
        source,
    })
}
