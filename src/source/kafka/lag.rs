//! How many messages of a reader's partitions are not read yet.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::share::TopicShare;
use crate::util::lock::lock;

/// How often the brokers are asked. It is one request to each, whatever the number of partitions.
const INTERVAL: Duration = Duration::from_secs(5);

/// How long they may take, as nothing is read meanwhile.
const QUESTION: Duration = Duration::from_secs(1);

pub(super) struct Lag {
    /// A group that has read nothing yet begins at the end.
    only_new: bool,
    asked: Option<Instant>,
}

impl Lag {
    pub(super) fn new(only_new: bool) -> Lag {
        Lag {
            only_new,
            asked: None,
        }
    }

    /// Measures it, if it is time to. None where the brokers do not say.
    pub(super) fn measure(&mut self, member: &BaseConsumer<TopicShare>) -> Option<Option<u64>> {
        let share = member.context();
        if !share.has_joined.load(Ordering::Acquire) {
            return None;
        }
        let is_measured = share.is_measured.swap(true, Ordering::AcqRel);
        if is_measured && self.asked.is_some_and(|at| at.elapsed() < INTERVAL) {
            return None;
        }
        let undelivered = self.undelivered(member);
        self.asked = Some(Instant::now());
        let unread = share.count_unread() as u64;
        Some(undelivered.ok().map(|it| it.saturating_add(unread)))
    }

    fn undelivered(&self, member: &BaseConsumer<TopicShare>) -> KafkaResult<u64> {
        let assigned = member.assignment()?;
        if assigned.count() == 0 {
            return Ok(0);
        }
        let all_at = |offset| {
            let mut list = TopicPartitionList::new();
            for it in assigned.elements() {
                list.add_partition_offset(it.topic(), it.partition(), offset)?;
            }
            KafkaResult::Ok(list)
        };
        let ends = offsets(&member.offsets_for_times(all_at(Offset::End)?, QUESTION)?);
        let mut next = BTreeMap::new();
        for partition in ends.keys() {
            let expected = lock(&member.context().partitions).expected(*partition);
            next.extend(expected.map(|offset| (*partition, offset)));
        }
        // Of the others nothing was delivered yet.
        if next.len() < ends.len() {
            let committed = member.committed_offsets(all_at(Offset::Invalid)?, QUESTION)?;
            add_missing(&mut next, &committed);
        }
        if next.len() < ends.len() && !self.only_new {
            let begins = member.offsets_for_times(all_at(Offset::Beginning)?, QUESTION)?;
            add_missing(&mut next, &begins);
        }
        let left = |(partition, end): (&i32, &i64)| {
            let next = next.get(partition)?;
            u64::try_from(end - next).ok()
        };
        // Brokers may say anything.
        Ok(ends.iter().filter_map(left).fold(0, u64::saturating_add))
    }
}

/// The offset of each partition that has one.
fn offsets(list: &TopicPartitionList) -> BTreeMap<i32, i64> {
    let mut offsets = BTreeMap::new();
    add_missing(&mut offsets, list);
    offsets
}

fn add_missing(offsets: &mut BTreeMap<i32, i64>, list: &TopicPartitionList) {
    for it in list.elements() {
        if let Offset::Offset(offset) = it.offset() {
            offsets.entry(it.partition()).or_insert(offset);
        }
    }
}
