//! Back-pressure: how a source learns that there is no room for another alert.
//!
//! It begins where a full [`Outlet`](super::Outlet) answers [`Flow::Pause`]: the queue of a reader, in
//! `queue.rs`. A source that pulls, as over gRPC, requests no more until there is room. A thread that
//! is pushed to, as over HTTP, blocks in [`Intake::put`](super::Intake::put).

/// Whether a source goes on after it has delivered something.
pub(crate) enum Flow {
    Continue,
    /// Wait until the outlet has room again.
    Pause,
    /// Deliver no more.
    Stop,
    /// Deliver no more; the last one was not taken either.
    #[cfg(feature = "relay")]
    Refuse,
}
