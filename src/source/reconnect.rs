//! What sources of a log do after a failure, and report meanwhile.

use std::time::{Duration, SystemTime};

use super::Purpose;
use crate::delivery::{Control, State};
use crate::error::Error;

/// Whether a failure ends the sequence.
pub(super) fn ends(purpose: Purpose, passes: bool, has_worked: bool) -> bool {
    match purpose {
        Purpose::Get => true,
        // What has worked may work again, as when a user is given its rights back.
        Purpose::Subscribe => !passes && !has_worked,
    }
}

/// The log is read: for the first time, or again.
pub(super) fn following(control: &Control) {
    let before = control.state();
    if before == State::Following {
        return;
    }
    if matches!(before, State::Waiting { .. }) {
        control.counters.reconnected();
    }
    if control.set(State::Following) {
        log::info!("{}: following again", control.endpoint());
    }
}

/// The log cannot be read, and is tried again after a pause.
pub(super) fn waiting(control: &Control, error: &Error, pause: Duration) {
    let now = SystemTime::now();
    let why = error.to_string();
    let state = State::Waiting {
        why: why.as_str().into(),
        since: now,
        next: now + pause,
    };
    if control.set(state) {
        log::warn!("{why}; trying again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_never_worked_and_does_not_pass_ends_a_subscription() {
        for (passes, has_worked) in [(false, false), (false, true), (true, false), (true, true)] {
            let is_ended = ends(Purpose::Subscribe, passes, has_worked);
            assert_eq!(is_ended, !passes && !has_worked);
            assert!(ends(Purpose::Get, passes, has_worked));
        }
    }

    #[test]
    fn each_time_that_it_works_again_is_counted() {
        let control = Control::new("-".parse().unwrap());
        following(&control);
        following(&control);
        assert_eq!(control.counters.snapshot().reconnects, 0);
        let error = Error::unavailable("a log", crate::error::Problem::alone("is gone"), None);
        for _ in 0..2 {
            waiting(&control, &error, Duration::from_secs(1));
        }
        assert!(matches!(control.state(), State::Waiting { why, .. } if why.contains("is gone")));
        following(&control);
        assert_eq!(control.state(), State::Following);
        assert_eq!(control.counters.snapshot().reconnects, 1);
    }
}
