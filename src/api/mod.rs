//! Falco's gRPC API as generated from `proto/`: messages, enums, service clients and servers.
//!
//! For who needs what [`Client`](crate::Client) and [`Alert`](crate::Alert) do not give:
//! reflection over the messages, own services, own calls.

#![allow(missing_docs, renamed_and_removed_lints, rustdoc::all, clippy::all)]

#[rustfmt::skip]
pub mod outputs;
#[rustfmt::skip]
pub mod outputs_grpc;
#[rustfmt::skip]
pub mod schema;
#[rustfmt::skip]
pub mod version;
#[rustfmt::skip]
pub mod version_grpc;
