//! What says that alerts were processed, where that is not when the next one is asked for.

use std::fmt;

use crate::delivery::Mark;

/// Says that alerts were processed: see [`Alerts::checkpoint`](crate::Alerts::checkpoint).
///
/// Dropped without [`reach`](Checkpoint::reach), as by a thread that panics, its alerts do not count as
/// read, nor do any after them: the next reader gets them again.
#[must_use = "what it covers counts as read only when it is reached"]
pub struct Checkpoint {
    mark: Mark,
}

impl Checkpoint {
    pub(super) fn new(mark: Mark) -> Checkpoint {
        Checkpoint { mark }
    }

    /// The alerts that it covers were processed. They count as read once all alerts before them do, in
    /// whichever order their checkpoints are reached, and on whichever thread. It waits for nothing.
    pub fn reach(self) {
        self.mark.reach();
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint").finish_non_exhaustive()
    }
}
