//! Small tools shared by all modules.

pub(crate) mod core_log;
pub(crate) mod deadline_stream;
pub(crate) mod lock;
pub(crate) mod thread;
pub(crate) mod wait;
