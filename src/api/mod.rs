//! Falco's gRPC API as generated from `proto/`: messages, enums, service clients and servers.
//!
//! For what [`Client`](crate::Client) and [`Alert`](crate::Alert) do not offer: reflection over the
//! messages, services and calls of your own, channel arguments.
//!
//! **What is in this module is outside the promise of semantic versioning.** Its types are those of
//! the versions of [`grpcio`] and [`protobuf`] that this crate is built with, and a minor version of
//! this crate may move to another major version of either. The methods that take or return them say
//! so by these names: [`Client::version`](crate::Client::version),
//! [`Alert::to_message`](crate::Alert::to_message), [`Config::channel_arg`](crate::Config::channel_arg),
//! [`Descriptor`](crate::dynamic::Descriptor), and the versions that the embedded Falco answers.

#![allow(
    missing_docs,
    missing_debug_implementations,
    renamed_and_removed_lints,
    rustdoc::all,
    clippy::all,
    clippy::unwrap_used,
    clippy::map_unwrap_or
)]

mod channel_arg;
#[rustfmt::skip]
pub mod outputs;
#[rustfmt::skip]
pub mod outputs_grpc;
pub(crate) mod paths;
#[rustfmt::skip]
pub mod schema;
#[rustfmt::skip]
pub mod version;
#[rustfmt::skip]
pub mod version_grpc;

pub use channel_arg::ChannelArg;
pub use {grpcio, protobuf};
