#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod alert;
mod alerts;
pub mod api;
mod channel;
pub mod check;
mod client;
mod config;
mod core_log;
pub mod dynamic;
mod endpoint;
mod error;
mod examine;
mod failure;
mod feed;
mod http;
pub mod json;
mod lines;
mod priority;
#[cfg(feature = "server")]
pub mod recording;
#[cfg(feature = "relay")]
pub mod relay;
#[cfg(feature = "server")]
pub mod server;
mod tls;
mod wait;

pub use alert::{Alert, AlertBuilder};
pub use alerts::{Alerts, Canceller, IntoIter, Iter, Watch};
pub use client::Client;
pub use config::{ChannelArg, Config, Overflow};
pub use endpoint::Endpoint;
pub use error::{Error, Result};
pub use feed::{Counters, State};
pub use priority::Priority;
pub use tls::Tls;
pub use {grpcio, protobuf};
