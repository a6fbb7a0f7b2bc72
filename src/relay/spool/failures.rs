//! Reports of failures, without repeating them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::store::StoreError;

/// A failure that has not occurred for this long is reported again.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// Logs each kind of failure once, however often it occurs.
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

    pub(super) fn report(&mut self, what: &str, error: &StoreError) {
        let before = self.seen.insert(error.code, Instant::now());
        if before.is_none_or(|before| before.elapsed() > FORGET_AFTER) {
            let path = self.path.display();
            log::error!(
                "spool {path}: {what}: {error}; see to the disk and its free space; it is retried \
                 until it succeeds"
            );
        }
    }
}
