//! How long to wait before the next subscription, and what repeated refusals mean.

use std::time::Duration;

/// The pause after a subscription that was served, and the longest after ones that were not: it
/// doubles. C-core waits for a server that is not there, with pauses of about the same bounds.
pub(crate) const SHORTEST: Duration = Duration::from_millis(50);
pub(crate) const LONGEST: Duration = Duration::from_secs(5);

/// After this many refusals in a row the channel itself may be at fault.
const REFUSALS_PER_CHANNEL: u32 = 4;

pub(crate) struct Reconnect {
    pause: Duration,
    /// Failures in a row of subscriptions that were not served.
    refusals: u32,
}

impl Reconnect {
    pub(crate) fn new() -> Reconnect {
        Reconnect {
            pause: SHORTEST,
            refusals: 0,
        }
    }

    /// The last pause.
    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    /// A subscription that was served has ended.
    pub(crate) fn served(&mut self) {
        self.pause = SHORTEST;
        self.refusals = 0;
    }

    /// A subscription has ended without being served.
    pub(crate) fn unserved(&mut self) {
        self.pause = (self.pause * 2).min(LONGEST);
    }

    /// It was refused. Returns how many were in a row.
    pub(crate) fn refused(&mut self) -> u32 {
        self.refusals += 1;
        self.refusals
    }

    /// Whether the channel may be at fault for the refusals.
    pub(crate) fn suspects_channel(&self) -> bool {
        self.refusals > 0 && self.refusals % REFUSALS_PER_CHANNEL == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_bound_until_a_subscription_is_served() {
        let mut reconnect = Reconnect::new();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            reconnect.unserved();
            pauses.push(reconnect.pause().as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        reconnect.served();
        assert_eq!(reconnect.pause(), SHORTEST);
    }

    #[test]
    fn every_fourth_refusal_in_a_row_throws_suspicion_on_the_channel() {
        let mut reconnect = Reconnect::new();
        let mut suspicious = Vec::new();
        for at in 1..=9 {
            assert_eq!(reconnect.refused(), at);
            suspicious.extend(reconnect.suspects_channel().then_some(at));
        }
        assert_eq!(suspicious, [4, 8]);
        reconnect.served();
        assert!(!reconnect.suspects_channel());
        assert_eq!(reconnect.refused(), 1);
    }
}
