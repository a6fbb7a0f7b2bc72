//! What a source has brought into a spool in memory, and not all sinks have yet.
//!
//! It does not count as read: where the source is a log that is told what was read, it comes again after the
//! process was killed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};

use super::spool::Spool;
use crate::delivery::Control;
use crate::util::lock::lock;

pub(super) struct Unconfirmed {
    spool: Weak<Spool>,
    numbers: Mutex<Numbers>,
}

#[derive(Default)]
struct Numbers {
    /// Numbers in the spool, and those in the source's sequence that are read once the spool is done with
    /// them.
    waiting: VecDeque<(u64, u64)>,
    read: u64,
}

impl Unconfirmed {
    /// What the source's `control` counts as read follows the spool from now on.
    pub(super) fn new(spool: &Arc<Spool>, control: &Control) -> Arc<Unconfirmed> {
        let unconfirmed = Arc::new(Unconfirmed {
            spool: Arc::downgrade(spool),
            numbers: Mutex::default(),
        });
        let follow = unconfirmed.clone();
        control.follow(Box::new(move || follow.read_up_to()));
        unconfirmed
    }

    /// The message of this number is read as soon as everything has left the spool that is in it now.
    pub(super) fn add(&self, number: u64) {
        let Some(spool) = self.spool.upgrade().filter(|_| number > 0) else {
            return;
        };
        let (last, _) = spool.extent();
        let mut numbers = lock(&self.numbers);
        match numbers.waiting.back_mut() {
            Some((of, up_to)) if *of == last => *up_to = number,
            _ => numbers.waiting.push_back((last, number)),
        }
    }

    fn read_up_to(&self) -> u64 {
        let gone = self.spool.upgrade().map_or(0, |spool| spool.extent().1);
        let mut numbers = lock(&self.numbers);
        while let Some((last, number)) = numbers.waiting.front().copied() {
            if last > gone {
                break;
            }
            numbers.read = number;
            numbers.waiting.pop_front();
        }
        numbers.read
    }
}
