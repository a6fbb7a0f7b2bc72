//! The embedded Falco, read by a client that knows no more than gRPC.

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod generations;
#[cfg(target_os = "linux")]
mod leaks;
mod stop;
