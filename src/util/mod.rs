//! What several rooms need and none of them owns.

pub(crate) mod core_log;
pub(crate) mod lock;
pub(crate) mod thread;
pub(crate) mod wait;
