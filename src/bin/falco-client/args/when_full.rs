//! What to do when alerts arrive faster than they are taken.

use clap::ValueEnum;
use falco_client::Overflow;

#[derive(Clone, Copy, ValueEnum)]
pub enum WhenFull {
    /// Stop reading, so that alerts stay where they are
    Wait,
    /// Drop the alerts that have waited longest, and report how many
    DropOldest,
    /// Drop the alerts that arrive, and report how many
    DropNewest,
}

impl From<WhenFull> for Overflow {
    fn from(when_full: WhenFull) -> Overflow {
        match when_full {
            WhenFull::Wait => Overflow::Wait,
            WhenFull::DropOldest => Overflow::DropOldest,
            WhenFull::DropNewest => Overflow::DropNewest,
        }
    }
}
