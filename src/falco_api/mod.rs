//! The server side of Falco's gRPC API: what the embedded Falco and a relay's gRPC sink serve.

mod falco;
mod listen;
mod queue;
mod service;
mod slots;

pub(crate) use falco::Falco;
pub(crate) use listen::listen;
pub(crate) use service::{output_service, outputs_service, version_service};
