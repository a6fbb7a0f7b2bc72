//! Entries that were delivered and not acknowledged: their reader has not asked for the ones after them.

use std::collections::{HashSet, VecDeque};

/// An entry on its way to the reader.
struct Delivered {
    /// Its number in the sequence. 0 for one that has no alert, which is done when those before it are.
    number: u64,
    id: String,
}

#[derive(Default)]
pub(super) struct Unread {
    delivered: VecDeque<Delivered>,
    /// Read, and to be acknowledged.
    read: Vec<String>,
    last: u64,
}

impl Unread {
    /// Adds an entry with an alert. Returns its number.
    pub(super) fn add(&mut self, id: String) -> u64 {
        self.last += 1;
        let number = self.last;
        self.delivered.push_back(Delivered { number, id });
        number
    }

    /// Adds an entry without one.
    pub(super) fn add_empty(&mut self, id: String) {
        self.delivered.push_back(Delivered { number: 0, id });
    }

    /// The number of the last alert.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// What is to be acknowledged, where everything up to this number is read.
    pub(super) fn read_up_to(&mut self, number: u64) -> &mut Vec<String> {
        let unread = self.delivered.iter();
        let read = unread.take_while(|entry| entry.number <= number).count();
        let read = self.delivered.drain(..read);
        self.read.extend(read.map(|entry| entry.id));
        &mut self.read
    }

    /// The ids of all that is not acknowledged.
    pub(super) fn ids(&self) -> HashSet<String> {
        let delivered = self.delivered.iter().map(|entry| &entry.id);
        delivered.chain(&self.read).cloned().collect()
    }

    /// The ids of what is not read.
    pub(super) fn unread_ids(&self) -> Vec<&str> {
        self.delivered.iter().map(|entry| &*entry.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_acknowledged_and_what_has_no_alert_with_it() {
        let mut unread = Unread::default();
        assert_eq!(unread.add("1-0".into()), 1);
        unread.add_empty("2-0".into());
        assert_eq!(unread.add("3-0".into()), 2);
        assert!(unread.read_up_to(0).is_empty());
        assert_eq!(*unread.read_up_to(1), ["1-0", "2-0"]);
        assert_eq!(unread.ids().len(), 3);
        unread.read_up_to(1).clear();
        assert_eq!(unread.unread_ids(), ["3-0"]);
        assert_eq!(*unread.read_up_to(2), ["3-0"]);
        assert_eq!(unread.last(), 2);
    }
}
