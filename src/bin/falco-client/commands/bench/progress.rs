//! Progress on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::diagnostics::say;

/// How often it is updated.
const TICK: Duration = Duration::from_millis(100);

/// Shows how many alerts were read, and keeps the number up to date on a terminal.
pub struct Progress {
    live: bool,
    updated: Instant,
    doing: String,
}

impl Progress {
    pub fn new() -> Progress {
        Progress {
            live: io::stderr().is_terminal(),
            updated: Instant::now(),
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

    pub fn update(&mut self, alerts: u64) {
        if self.live && self.updated.elapsed() >= TICK {
            self.show(alerts);
        }
    }

    fn show(&mut self, alerts: u64) {
        self.updated = Instant::now();
        // A terminal that has gone must not end the command.
        let _ = write!(io::stderr(), "\r{}: {alerts} alerts ", self.doing);
    }

    /// Clears the line for what comes next.
    pub fn end(&self) {
        if self.live {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
