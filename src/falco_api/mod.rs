//! The server side of Falco's gRPC API, as the embedded Falco and a relay's gRPC sink serve it.

mod listen;
mod outstanding;
mod queue;
mod server;
mod service;
mod slots;
mod stall;
mod state;
mod version;

pub(crate) use queue::Ahead;
#[cfg(feature = "relay")]
pub(crate) use queue::Room;
pub(crate) use server::{ApiServer, Services, Settings};
#[cfg(feature = "relay")]
pub(crate) use stall::StallPolicy;
#[cfg(feature = "server")]
pub(crate) use state::ServerState;
#[cfg(feature = "relay")]
pub(crate) use state::VersionMetadata;
pub(crate) use version::parse_version;
