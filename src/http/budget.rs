//! A bound on what large bodies take in memory, all together.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// A body up to this size is free: so that whoever fills the budget holds up no ordinary alert.
pub(super) const FREE: usize = 64 * 1024;

/// Bodies of the largest size that may be on their way at once.
const AT_ONCE: usize = 4;

pub(super) struct Budget {
    left: Mutex<usize>,
    returned: Condvar,
}

impl Budget {
    pub(super) fn new(largest: usize) -> Budget {
        Budget {
            left: Mutex::new(largest.saturating_mul(AT_ONCE)),
            returned: Condvar::new(),
        }
    }

    pub(super) fn share(&self) -> Share<'_> {
        Share {
            budget: self,
            taken: 0,
        }
    }
}

/// What one body has taken. Returned when it is dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    taken: usize,
}

impl Share<'_> {
    /// Takes so much that `size` bytes are covered; waits for others to return theirs. Whether there
    /// was enough in time.
    pub(super) fn cover(&mut self, size: usize, until: Instant) -> bool {
        let wanted = match size {
            ..=FREE => 0,
            _ => size.saturating_sub(self.taken),
        };
        let lock = || self.budget.left.lock();
        let mut left = lock().unwrap_or_else(PoisonError::into_inner);
        while *left < wanted {
            let time = until.saturating_duration_since(Instant::now());
            if time.is_zero() {
                return false;
            }
            let waited = self.budget.returned.wait_timeout(left, time);
            left = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *left -= wanted;
        self.taken += wanted;
        true
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.taken > 0 {
            let mut left = self
                .budget
                .left
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *left += self.taken;
            self.budget.returned.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn small_bodies_are_free_and_large_ones_return_what_they_took() {
        let budget = Budget::new(100_000);
        let now = Instant::now();
        let mut all = budget.share();
        assert!(all.cover(400_000, now));
        assert!(budget.share().cover(FREE, now));
        assert!(!budget.share().cover(FREE + 1, now));
        drop(all);
        assert!(budget.share().cover(400_000, now + Duration::from_secs(60)));
    }
}
