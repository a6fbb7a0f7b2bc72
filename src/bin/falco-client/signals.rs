//! Ctrl-C, SIGTERM and SIGHUP.

use crate::diagnostics::{Code, Failure};

/// Calls `act`, on a thread of its own, with 1 at the first signal and with 2 at the second. The
/// third ends the process at once: the way out when even an orderly end cannot come, because
/// nobody reads standard output any more.
pub fn on_signal(mut act: impl FnMut(u32) + Send + 'static) -> Result<(), Failure> {
    let mut signals = 0;
    ctrlc::set_handler(move || {
        signals += 1;
        match signals {
            1 | 2 => act(signals),
            _ => std::process::exit(Code::Interrupted as i32),
        }
    })
    .map_err(|error| Failure::Os {
        what: "catching Ctrl-C and SIGTERM".to_owned(),
        source: match error {
            ctrlc::Error::System(error) => error,
            other => std::io::Error::other(other),
        },
    })
}
