//! SIGINT (Ctrl-C), SIGTERM, and SIGHUP unless `nohup` has it ignored.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::diagnostics::{Code, Failure};

/// A signal that comes again this soon is the same one: `timeout` sends its signal to the process and
/// to its group.
const SAME: Duration = Duration::from_millis(500);

/// Calls `act`, on a thread of its own, with 1 at the first signal and with 2 at the second. The third
/// ends the process, in case the shutdown itself is stuck.
pub fn on_signal(mut act: impl FnMut(u32) + Send + 'static) -> Result<(), Failure> {
    let failed = |source: io::Error| Failure::Os {
        what: "handling SIGINT and SIGTERM".to_owned(),
        source,
    };
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    if !hang_up_is_ignored() {
        signals.add_signal(SIGHUP).map_err(failed)?;
    }
    let wait = move || {
        let (mut count, mut last) = (0, None::<(i32, Instant)>);
        for signal in signals.forever() {
            if last.is_some_and(|(last, when)| last == signal && when.elapsed() < SAME) {
                continue;
            }
            last = Some((signal, Instant::now()));
            count += 1;
            match count {
                1 | 2 => act(count),
                _ => std::process::exit(Code::Interrupted.number().into()),
            }
        }
    };
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(wait).map(drop).map_err(failed)
}

/// Handling a signal that `nohup` has ignored would undo it.
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}
