//! An alert on its way into a spool and out of it.

use std::sync::Arc;

use crate::alert::Format;
use crate::delivery::Message;

/// An alert as it comes from a source.
pub(crate) struct Incoming {
    /// What its source is called.
    pub source: Arc<str>,
    /// Where its source goes on is stored by this, whatever it is called.
    pub endpoint: Arc<str>,
    /// Its position is stored together with it, in one transaction.
    pub message: Message,
}

impl Incoming {
    /// It, as it goes to the sinks.
    pub(super) fn entry(&self, number: u64) -> Entry {
        Entry {
            number,
            source: self.source.clone(),
            format: self.message.format,
            bytes: self.message.bytes.as_slice().into(),
        }
    }
}

/// An alert as it goes to a sink.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// 1, 2, 3 ...
    pub number: u64,
    pub source: Arc<str>,
    pub format: Format,
    pub bytes: Arc<[u8]>,
}

/// What a store has under a number.
pub(super) enum Stored {
    Alert(Entry),
    /// It is not as it was stored.
    Damaged(DamagedAlert),
    /// What was there is lost, which was reported.
    Lost(u64),
}

/// What is left of an alert that is not as it was stored.
pub(super) struct DamagedAlert {
    pub number: u64,
    pub source: String,
    pub format: Format,
    pub bytes: Vec<u8>,
}

impl Stored {
    pub(super) fn number(&self) -> u64 {
        match self {
            Stored::Alert(entry) => entry.number,
            Stored::Damaged(damaged) => damaged.number,
            Stored::Lost(number) => *number,
        }
    }
}
