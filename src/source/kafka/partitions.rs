//! The partitions that a reader has, and how far it has read each.

use std::collections::BTreeMap;

/// A partition that this reader has.
#[derive(Default)]
struct PartitionPlace {
    /// The offset after the last message. None before the first.
    next: Option<i64>,
    /// It was read to its end once.
    was_at_end: bool,
}

#[derive(Default)]
pub(super) struct Partitions(BTreeMap<i32, PartitionPlace>);

impl Partitions {
    pub(super) fn assign(&mut self, partitions: &[i32]) {
        let given = partitions.iter().map(|it| (*it, PartitionPlace::default()));
        self.0.extend(given);
    }

    pub(super) fn revoke(&mut self, partitions: &[i32]) {
        self.0
            .retain(|partition, _| !partitions.contains(partition));
    }

    /// Where a message should come from. None before the first one of a partition.
    pub(super) fn expected(&self, partition: i32) -> Option<i64> {
        self.0.get(&partition)?.next
    }

    /// A message with this offset has come.
    pub(super) fn advance(&mut self, partition: i32, offset: i64) {
        self.0.entry(partition).or_default().next = Some(offset + 1);
    }

    pub(super) fn at_end(&mut self, partition: i32) {
        self.0.entry(partition).or_default().was_at_end = true;
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether each was read to its end once.
    pub(super) fn are_at_end(&self) -> bool {
        self.0.values().all(|place| place.was_at_end)
    }
}

/// How many messages are lost where `expected` is to be read, a message with this offset comes, and `low` is
/// the first that the topic still has. Offsets that Kafka uses for itself are not lost.
pub(super) fn lost(expected: i64, offset: i64, low: i64) -> u64 {
    let lost = match low > expected {
        true => offset - expected,
        false => 0,
    };
    u64::try_from(lost).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_topic_no_longer_has_is_lost() {
        assert_eq!(lost(10, 10, 5), 0);
        // The end of a transaction has an offset.
        assert_eq!(lost(10, 12, 5), 0);
        assert_eq!(lost(10, 40, 40), 30);
        // It was read on from the end.
        assert_eq!(lost(10, 90, 40), 80);
    }

    #[test]
    fn all_are_at_their_end_when_each_was() {
        let mut partitions = Partitions::default();
        partitions.assign(&[0, 1]);
        partitions.at_end(0);
        assert!(!partitions.are_at_end());
        partitions.advance(1, 6);
        assert_eq!((partitions.expected(1), partitions.count()), (Some(7), 2));
        partitions.revoke(&[1]);
        assert!(partitions.are_at_end());
    }
}
