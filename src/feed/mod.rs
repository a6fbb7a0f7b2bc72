//! The engine: a pump on the thread where the bytes arrive pulls messages out of a call, asks for
//! more where the call wants that, and hands them to an outlet: a callback that runs right there,
//! or a bounded queue that the reader empties many at a time.

mod ask;
mod call;
mod control;
mod inbox;
mod outlet;
mod pump;
mod queue;

pub(crate) use call::{version, Call, GET, SUB, VERSION};
pub(crate) use control::Control;
pub(crate) use inbox::{queue, Inbox, Received};
pub(crate) use outlet::{Callback, Outlet};
pub(crate) use pump::{start, Pace};
