//! The newest alerts of a spool on disk, in memory: a sink that keeps up need not have them read.

use std::collections::VecDeque;

use crate::relay::spool::entry::Entry;
use crate::relay::spool::store::Limit;

const MOST_BYTES: usize = 1 << 20;
const MOST: usize = 1024;

/// Without a gap between their numbers.
#[derive(Default)]
pub(super) struct Recent {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recent {
    pub(super) fn add(&mut self, entry: Entry) {
        let follows = |last: &Entry| last.number + 1 == entry.number;
        if !self.entries.back().is_none_or(follows) {
            *self = Recent::default();
        }
        self.bytes += entry.bytes.len();
        self.entries.push_back(entry);
        while self.entries.len() > MOST || self.bytes > MOST_BYTES {
            self.remove_first();
        }
    }

    /// What has left the spool is not given.
    pub(super) fn forget(&mut self, gone: u64) {
        while self.entries.front().is_some_and(|it| it.number <= gone) {
            self.remove_first();
        }
    }

    fn remove_first(&mut self) {
        let first = self.entries.pop_front();
        self.bytes -= first.map_or(0, |entry| entry.bytes.len());
    }

    /// What follows this number, if the next is here.
    pub(super) fn after(&self, number: u64, mut limit: Limit) -> Option<Vec<Entry>> {
        let first = self.entries.front()?.number;
        let start = usize::try_from((number + 1).checked_sub(first)?).ok()?;
        let following = self.entries.range(start.min(self.entries.len())..);
        let admitted = following.take_while(|entry| limit.admits(entry.bytes.len()));
        let entries: Vec<_> = admitted.cloned().collect();
        (!entries.is_empty()).then_some(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Format;

    fn entry(number: u64, bytes: usize) -> Entry {
        Entry {
            number,
            source: "one".into(),
            format: Format::JsonLine,
            bytes: vec![0; bytes].into(),
        }
    }

    fn after(recent: &Recent, number: u64, alerts: usize, bytes: usize) -> Option<Vec<u64>> {
        let entries = recent.after(number, Limit::new(alerts, bytes))?;
        Some(entries.iter().map(|entry| entry.number).collect())
    }

    #[test]
    fn what_follows_is_given_as_long_as_the_next_is_there() {
        let mut recent = Recent::default();
        assert_eq!(after(&recent, 0, 9, 9), None);
        (5..=9).for_each(|number| recent.add(entry(number, 2)));
        assert_eq!(after(&recent, 3, 9, 9), None);
        assert_eq!(after(&recent, 4, 9, 99), Some(vec![5, 6, 7, 8, 9]));
        assert_eq!(after(&recent, 6, 2, 99), Some(vec![7, 8]));
        assert_eq!(after(&recent, 6, 9, 4), Some(vec![7, 8]));
        assert_eq!(after(&recent, 9, 9, 99), None);
        assert_eq!(after(&recent, 99, 9, 99), None);
        recent.forget(7);
        assert_eq!(after(&recent, 6, 9, 99), None);
        assert_eq!(after(&recent, 7, 9, 99), Some(vec![8, 9]));
        // After numbers that it does not have.
        recent.add(entry(12, 2));
        assert_eq!(after(&recent, 7, 9, 99), None);
        assert_eq!(after(&recent, 11, 9, 99), Some(vec![12]));
    }

    #[test]
    fn the_oldest_make_room() {
        let mut recent = Recent::default();
        (1..=2000).for_each(|number| recent.add(entry(number, 0)));
        assert_eq!(after(&recent, 2000 - MOST as u64 - 1, 1, 1), None);
        assert!(after(&recent, 2000 - MOST as u64, 1, 1).is_some());
        recent.add(entry(2001, MOST_BYTES));
        recent.add(entry(2002, 1));
        assert_eq!(after(&recent, 2000, 9, 9), None);
        assert_eq!(after(&recent, 2001, 9, 9), Some(vec![2002]));
        recent.add(entry(2003, MOST_BYTES + 1));
        assert_eq!((recent.entries.len(), recent.bytes), (0, 0));
    }
}
