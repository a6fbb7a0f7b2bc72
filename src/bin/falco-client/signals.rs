//! Ctrl-C and SIGTERM. SIGHUP keeps its meaning, so that `nohup` works.

use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::diagnostics::{Code, Failure};

/// Calls `act`, on a thread of its own, with 1 at the first signal and with 2 at the second. The
/// third ends the process at once: the way out when even an orderly end cannot come, because
/// nobody reads standard output any more.
pub fn on_signal(mut act: impl FnMut(u32) + Send + 'static) -> Result<(), Failure> {
    let failed = |source: io::Error| Failure::Os {
        what: "catching Ctrl-C and SIGTERM".to_owned(),
        source,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let wait = move || {
        for (count, _) in (1..).zip(signals.forever()) {
            match count {
                1 | 2 => act(count),
                _ => std::process::exit(Code::Interrupted as i32),
            }
        }
    };
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(wait).map(drop).map_err(failed)
}
