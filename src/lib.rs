#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod alert;
mod alerts;
pub mod api;
pub mod check;
mod client;
mod config;
mod delivery;
mod diagnose;
pub mod dynamic;
mod endpoint;
mod error;
#[cfg(feature = "server")]
mod falco_api;
mod http;
pub mod json;
mod priority;
#[cfg(feature = "server")]
pub mod recording;
#[cfg(feature = "relay")]
pub mod relay;
#[cfg(feature = "server")]
pub mod server;
mod source;
mod tls;
mod util;

pub use alert::{Alert, AlertBuilder, Format};
pub use alerts::{Alerts, Handle, IntoIter, Iter, Watch};
pub use client::Client;
pub use config::{Config, Overflow};
pub use delivery::{Counters, State};
pub use endpoint::Endpoint;
pub use error::{Error, Result};
pub use priority::Priority;
pub use tls::Tls;
