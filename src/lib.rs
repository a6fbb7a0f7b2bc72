#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = "stub"]
mod error; mod priority;
pub use error::{Error, Result};
pub use priority::Priority;
