//! A bound on the memory of all large bodies together.

use std::sync::{Condvar, Mutex};
use std::time::Instant;

use crate::util::lock::{lock, time_until, wait_while};

/// A body up to this size takes nothing of the budget: large ones must not delay ordinary requests.
pub(super) const FREE: usize = 64 * 1024;

/// How many bodies of the largest size fit.
const LARGEST_BODIES: usize = 4;

pub(super) struct Budget {
    left: Mutex<usize>,
    returned: Condvar,
}

impl Budget {
    pub(super) fn new(largest: usize) -> Budget {
        Budget {
            left: Mutex::new(largest.saturating_mul(LARGEST_BODIES)),
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

/// The memory of one body, returned when it is dropped.
pub(super) struct Share<'a> {
    budget: &'a Budget,
    taken: usize,
}

impl Share<'_> {
    /// Extends the share to `size` bytes, and waits for others to return theirs. Whether there was
    /// enough in time.
    pub(super) fn cover(&mut self, size: usize, until: Instant) -> bool {
        let wanted = match size {
            ..=FREE => 0,
            _ => size.saturating_sub(self.taken),
        };
        let left = lock(&self.budget.left);
        let short = |left: &mut usize| *left < wanted;
        let (mut left, late) = wait_while(&self.budget.returned, left, time_until(until), short);
        if late {
            return false;
        }
        *left -= wanted;
        self.taken += wanted;
        true
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.taken > 0 {
            let mut left = lock(&self.budget.left);
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
