//! Which messages count as read where their reader says so, and not when it asks for the next one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::control::{Control, Mode};
use crate::util::lock::lock;

/// The checkpoints of a sequence. Each covers the messages after the one before it.
pub(super) struct Checkpoints {
    control: Arc<Control>,
    covered: Mutex<Covered>,
}

#[derive(Default)]
struct Covered {
    /// The last number that a checkpoint covers.
    up_to: u64,
    /// The last number when there was no other message for the reader.
    last: u64,
    /// Checkpoints that are not reached, by the first number that they cover: whether one is given up.
    open: BTreeMap<u64, bool>,
}

/// What covers some messages. They are not read where it is dropped.
pub(crate) struct Mark {
    checkpoints: Arc<Checkpoints>,
    /// None where it covers nothing that a source is told of.
    first: Option<u64>,
}

impl Checkpoints {
    pub(super) fn new(control: Arc<Control>) -> Arc<Checkpoints> {
        Arc::new(Checkpoints {
            control,
            covered: Mutex::default(),
        })
    }

    /// Covers everything up to this number.
    pub(super) fn cover(self: &Arc<Self>, number: u64) -> Mark {
        let mut covered = lock(&self.covered);
        let first = covered.up_to + 1;
        let covers = number >= first;
        if covers {
            covered.up_to = number;
            covered.open.insert(first, false);
            self.tell(&covered);
        }
        Mark {
            checkpoints: self.clone(),
            first: covers.then_some(first),
        }
    }

    /// No message follows the one with this number for now. What no checkpoint covers is not waited for.
    pub(super) fn is_empty_after(&self, number: u64) {
        let mut covered = lock(&self.covered);
        covered.last = number;
        self.tell(&covered);
    }

    /// Tells the source what is read, and what is waited for.
    fn tell(&self, covered: &Covered) {
        let before = |first: Option<&u64>| first.map(|first| first - 1);
        let is_waited_for = |(_, is_given_up): &(&u64, &bool)| !**is_given_up;
        let waited_for = covered.open.iter().find(is_waited_for);
        let read = before(covered.open.keys().next()).unwrap_or(covered.up_to);
        let all = covered.up_to.max(covered.last);
        let handled = before(waited_for.map(|(first, _)| first)).unwrap_or(all);
        self.control.mark_read(read);
        self.control.set_handled(handled);
        if self.control.mode() != Mode::Run {
            // The source waits for it before its end.
            self.control.wake();
        }
    }
}

impl Mark {
    /// What it covers is read, once all is that comes before it.
    pub(crate) fn reach(mut self) {
        if let Some(first) = self.first.take() {
            let mut covered = lock(&self.checkpoints.covered);
            covered.open.remove(&first);
            self.checkpoints.tell(&covered);
        }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some(first) = self.first.take() {
            let mut covered = lock(&self.checkpoints.covered);
            covered.open.insert(first, true);
            self.checkpoints.tell(&covered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoints() -> (Arc<Checkpoints>, Arc<Control>) {
        let control = Control::new(crate::Endpoint::Stdin);
        (Checkpoints::new(control.clone()), control)
    }

    #[test]
    fn what_is_reached_is_read_once_all_before_it_is() {
        let (checkpoints, control) = checkpoints();
        let read = || control.marked_read();
        let marks = [1, 3, 3, 4].map(|number| checkpoints.cover(number));
        let [one, three, nothing, four] = marks;
        four.reach();
        nothing.reach();
        assert_eq!(read(), 0);
        one.reach();
        assert_eq!(read(), 1);
        three.reach();
        assert_eq!(read(), 4);
    }

    #[test]
    fn what_is_given_up_stays_unread_and_is_not_waited_for() {
        let (checkpoints, control) = checkpoints();
        let so_far = || (control.marked_read(), control.handled_up_to());
        let marks = [2, 5, 7].map(|number| checkpoints.cover(number));
        let [two, five, seven] = marks;
        drop(five);
        assert_eq!(so_far(), (0, 0));
        two.reach();
        assert_eq!(so_far(), (2, 5));
        seven.reach();
        assert_eq!(so_far(), (2, 7));
        // What none covers is not waited for, once there is nothing else to read.
        checkpoints.is_empty_after(9);
        assert_eq!(so_far(), (2, 9));
        let nine = checkpoints.cover(9);
        assert_eq!(so_far(), (2, 7));
        nine.reach();
        assert_eq!(so_far(), (2, 9));
    }
}
