//! What all sources share: the queue or the callback that takes their alerts, the state and the counters
//! of a sequence, and the control by which it is ended.

mod back_pressure;
mod callback;
mod checkpoints;
mod control;
#[cfg(test)]
mod counted;
mod counters;
mod intake;
mod message;
mod outlet;
mod queue;
mod receiver;
mod spares;
mod state;
mod wake;

pub(crate) use back_pressure::Flow;
pub(crate) use callback::Callback;
pub(crate) use checkpoints::Mark;
pub(crate) use control::{Control, Mode};
pub use counters::Counters;
pub(crate) use counters::LiveCounters;
pub(crate) use intake::Intake;
pub(crate) use message::Message;
#[cfg(feature = "relay")]
pub(crate) use outlet::SharedOutlet;
pub(crate) use outlet::{MessageResult, Outlet};
pub(crate) use receiver::{queue, Received, Receiver};
pub use state::State;
