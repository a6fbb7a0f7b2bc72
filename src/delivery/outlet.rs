//! Where a source puts what it brings: a queue, or a callback that runs where the bytes arrive.

use super::message::Message;
use crate::error::Error;

/// Whether an outlet takes more.
pub(crate) enum Flow {
    Continue,
    /// Wait until the outlet says that it has room again.
    Pause,
    /// Nobody wants more.
    Stop,
    /// Nobody wants more, and this one was not taken either.
    #[cfg(feature = "relay")]
    Refuse,
}

/// A message, or an error between messages. Boxed, as a queue holds many of the one and none of
/// the other.
pub(crate) type Item = std::result::Result<Message, Box<Error>>;

pub(crate) trait Outlet: Send + Unpin + 'static {
    /// Takes an item, room or no room, and tells whether there is room for another.
    fn take(&mut self, item: Item) -> Flow;

    /// Whether there is room again, after [`Flow::Pause`].
    fn has_room(&mut self) -> bool;

    /// Nothing follows.
    fn end(&mut self, error: Option<Error>);
}
