//! Alerts counted by rule, priority, host, container and namespace.

mod grouping;
mod summary;

#[cfg(feature = "top")]
pub use grouping::{Grouping, OTHERS};
pub use summary::Summary;

/// The most groups of a kind. Hostile alerts can have any number of names.
pub const MOST_GROUPS: usize = 1000;
