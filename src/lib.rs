#![deny(unsafe_code)]
#![warn(missing_docs)]
#![doc = "Reads the alerts of Falco."]

mod alert;
pub mod api;
mod config;
pub mod dynamic;
mod endpoint;
mod error;
pub mod json;
mod priority;
mod tls;

pub use alert::{Alert, AlertBuilder};
pub use config::{ChannelArg, Config};
pub use endpoint::Endpoint;
pub use error::{Error, Result};
pub use priority::Priority;
pub use tls::Tls;
