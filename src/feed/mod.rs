//! The engine: a pump on the thread where the bytes arrive pulls messages out of a call, asks for
//! more where the call wants that, and hands them to an outlet: a callback that runs right there,
//! or a bounded queue that the reader empties many at a time. What comes without being pulled goes
//! through an intake to the same outlets.

mod again;
mod ask;
mod cadence;
mod call;
mod calls;
mod closing;
mod control;
mod counters;
mod fetch;
mod inbox;
mod intake;
mod outlet;
mod pulse;
mod pump;
mod queue;
mod state;

pub(crate) use call::{version, VERSION};
pub(crate) use calls::Purpose;
pub(crate) use control::{Control, Wish};
pub use counters::Counters;
pub(crate) use inbox::{queue, Inbox, Received};
pub(crate) use intake::{Intake, Put};
pub(crate) use outlet::{Callback, Outlet};
#[cfg(feature = "relay")]
pub(crate) use outlet::{Item, Room};
pub(crate) use pump::start;
pub use state::State;
