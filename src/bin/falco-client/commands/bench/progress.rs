//! How far it is.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::diagnostics::say;

/// Between two words of progress.
const TICK: Duration = Duration::from_millis(100);

/// Says on standard error how far it is, again and again where that is a terminal.
pub struct Progress {
    live: bool,
    told: Instant,
    doing: String,
}

impl Progress {
    pub fn new() -> Progress {
        Progress {
            live: io::stderr().is_terminal(),
            told: Instant::now(),
            doing: String::new(),
        }
    }

    pub fn begin(&mut self, doing: &str) {
        self.doing = doing.to_owned();
        match self.live {
            true => self.show(0),
            false => say(format_args!("{doing}")),
        }
    }

    pub fn tell(&mut self, alerts: u64) {
        if self.live && self.told.elapsed() >= TICK {
            self.show(alerts);
        }
    }

    fn show(&mut self, alerts: u64) {
        self.told = Instant::now();
        // A terminal that has gone must not end the command.
        let _ = write!(io::stderr(), "\r{}: {alerts} alerts ", self.doing);
    }

    /// The line is for what comes next.
    pub fn end(&self) {
        if self.live {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
