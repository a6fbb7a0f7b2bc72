//! Tells what fails, but not each time.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a failure has to stay away to be told again.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Tells each kind of failure once, however often it comes.
pub(super) struct Failures {
    path: PathBuf,
    pub(super) seen: HashMap<i32, Instant>,
}

impl Failures {
    pub(super) fn new(path: PathBuf) -> Failures {
        Failures {
            path,
            seen: HashMap::new(),
        }
    }

    pub(super) fn tell(&mut self, what: &str, error: &rusqlite::Error) {
        let kind = error.sqlite_error().map_or(0, |error| error.extended_code);
        let before = self.seen.insert(kind, Instant::now());
        if before.is_none_or(|before| before.elapsed() > FORGOTTEN) {
            let path = self.path.display();
            log::error!(
                "spool {path}: {what}: {error}; see to the disk and its room, until then it is \
                 tried again"
            );
        }
    }
}
