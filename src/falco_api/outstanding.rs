//! Which numbered alerts are not yet written to all streams that get them.

use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Outstanding {
    alerts: BTreeMap<u64, Held>,
    /// The bytes of all of them.
    bytes: usize,
}

struct Held {
    /// How many queues and drains have it.
    holders: usize,
    bytes: usize,
}

impl Outstanding {
    #[cfg(feature = "relay")]
    pub(super) fn insert(&mut self, number: u64, holders: usize, bytes: usize) {
        self.bytes += bytes;
        self.alerts.insert(number, Held { holders, bytes });
    }

    pub(super) fn add_holders(&mut self, number: u64, more: usize) {
        if let Some(held) = self.alerts.get_mut(&number) {
            held.holders += more;
        }
    }

    /// One of its holders has it no more.
    pub(super) fn release(&mut self, number: u64) {
        if let Some(held) = self.alerts.get_mut(&number) {
            held.holders -= 1;
            if held.holders == 0 {
                self.bytes = self.bytes.saturating_sub(held.bytes);
                self.alerts.remove(&number);
            }
        }
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.alerts.contains_key(&number)
    }

    /// The lowest number.
    pub(super) fn first(&self) -> Option<u64> {
        self.alerts.keys().next().copied()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
