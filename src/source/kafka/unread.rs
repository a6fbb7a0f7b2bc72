//! Messages that were delivered and not committed: their reader has not asked for the ones after them.

use std::collections::{BTreeMap, VecDeque};

/// A message on its way to the reader.
struct UnreadMessage {
    /// Its number in the sequence. 0 for one that is no alert, which is done when those before it are.
    number: u64,
    /// None once another reader has the partition.
    partition: Option<i32>,
    offset: i64,
}

#[derive(Default)]
pub(super) struct UnreadMessages {
    delivered: VecDeque<UnreadMessage>,
    /// Where reading goes on in each partition, once that is committed.
    read: BTreeMap<i32, i64>,
    last: u64,
}

impl UnreadMessages {
    /// Adds an alert. Returns its number.
    pub(super) fn add(&mut self, partition: i32, offset: i64) -> u64 {
        self.last += 1;
        self.push(self.last, partition, offset);
        self.last
    }

    /// Adds a message that is none.
    pub(super) fn add_empty(&mut self, partition: i32, offset: i64) {
        self.push(0, partition, offset);
    }

    fn push(&mut self, number: u64, partition: i32, offset: i64) {
        self.delivered.push_back(UnreadMessage {
            number,
            partition: Some(partition),
            offset,
        });
    }

    /// The number of the last alert.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// What is to be committed, where everything up to this number is read.
    pub(super) fn read_up_to(&mut self, number: u64) -> &BTreeMap<i32, i64> {
        let read = self.delivered.iter();
        let read = read.take_while(|message| message.number <= number).count();
        for message in self.delivered.drain(..read) {
            if let Some(partition) = message.partition {
                self.read.insert(partition, message.offset + 1);
            }
        }
        &self.read
    }

    /// How many are delivered and not read, where everything up to this number is.
    pub(super) fn count_after(&mut self, number: u64) -> usize {
        self.read_up_to(number);
        let is_own = |message: &&UnreadMessage| message.partition.is_some();
        self.delivered.iter().filter(is_own).count()
    }

    /// The brokers know by now where reading goes on in this partition.
    pub(super) fn committed(&mut self, partition: i32, offset: i64) {
        if self
            .read
            .get(&partition)
            .is_some_and(|read| *read <= offset)
        {
            self.read.remove(&partition);
        }
    }

    /// This reader has left its group, and has no partition any more.
    pub(super) fn revoke_all(&mut self) {
        for message in &mut self.delivered {
            message.partition = None;
        }
        self.read.clear();
    }

    /// Another reader has these partitions now, and gets what was not committed.
    pub(super) fn revoke(&mut self, partitions: &[i32]) {
        let is_gone = |partition: i32| partitions.contains(&partition);
        for message in &mut self.delivered {
            message.partition = message.partition.filter(|it| !is_gone(*it));
        }
        self.read.retain(|partition, _| !is_gone(*partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_committed_unless_another_reader_has_its_partition() {
        let mut unread = UnreadMessages::default();
        assert_eq!(unread.add(0, 10), 1);
        unread.add_empty(0, 11);
        assert_eq!(unread.add(1, 20), 2);
        assert_eq!(unread.add(0, 12), 3);
        assert!(unread.read_up_to(0).is_empty());
        assert_eq!(*unread.read_up_to(1), BTreeMap::from([(0, 12)]));
        assert_eq!(unread.count_after(1), 2);
        unread.revoke(&[0]);
        assert_eq!(unread.count_after(1), 1);
        assert_eq!(*unread.read_up_to(3), BTreeMap::from([(1, 21)]));
        unread.committed(1, 20);
        assert_eq!(unread.read_up_to(3).len(), 1);
        unread.committed(1, 21);
        assert!(unread.read_up_to(3).is_empty());
        assert_eq!(unread.last(), 3);
    }
}
