//! Small tools shared by all modules.

pub(crate) mod core_log;
pub(crate) mod deadline_stream;
pub(crate) mod hash;
#[cfg(feature = "relay")]
pub(crate) mod hex;
pub(crate) mod lock;
pub(crate) mod rate_limited_log;
pub(crate) mod text;
pub(crate) mod thread;
pub(crate) mod url;
pub(crate) mod wait;
