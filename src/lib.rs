#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = "stub"]
mod config;
mod endpoint;
mod error; mod priority;
mod tls;
pub use config::{ChannelArg, Config};
pub use endpoint::Endpoint;
pub use error::{Error, Result};
pub use priority::Priority;
pub use tls::Tls;
