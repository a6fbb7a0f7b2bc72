//! Falco's gRPC service: through restarts, over TLS, in every version, and what errors say.

mod failures;
mod follow;
mod generations;
mod log;
#[cfg(target_os = "linux")]
mod silence;
mod tls;
mod unserved;
