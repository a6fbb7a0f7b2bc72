//! What happens when alerts come faster than they are taken.

use falco_client::Overflow;

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum WhenFull {
    Wait,
    DropOldest,
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
