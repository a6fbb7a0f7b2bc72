//! What a full queue does.

/// What happens to an alert that arrives while the queue holds
/// [`Config::queue_bytes`](crate::Config::queue_bytes).
///
/// A callback has no queue: it always delays what follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// It waits in Falco, whose memory grows, until the reader has made room.
    #[default]
    Wait,
    /// The oldest alerts in the queue are dropped: the reader sees the latest. Counted in
    /// [`Counters::dropped`](crate::Counters::dropped), and logged to `log`.
    DropOldest,
    /// The new alert is dropped: the reader sees the first. Counted and logged in the same way.
    DropNewest,
}
