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

/// An alert as it goes to a sink.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// 1, 2, 3 ...
    pub number: u64,
    pub source: Arc<str>,
    pub format: Format,
    pub bytes: Arc<[u8]>,
}
