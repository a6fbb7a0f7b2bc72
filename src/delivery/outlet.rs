//! Where a source delivers alerts: a queue, or a callback that runs where the bytes arrive.

#[cfg(feature = "relay")]
use std::sync::Arc;

use super::back_pressure::Flow;
use super::message::Message;
use crate::error::Error;

/// A message, or an error between messages. The error is boxed, as a queue holds many messages and
/// hardly any error.
pub(crate) type MessageResult = std::result::Result<Message, Box<Error>>;

pub(crate) trait Outlet: Send + Unpin + 'static {
    /// An empty buffer for a message of so many bytes.
    fn buffer(&mut self, len: usize) -> Vec<u8> {
        Vec::with_capacity(len)
    }

    /// Takes an item, also when it is full, and returns whether there is room for another.
    fn take(&mut self, item: MessageResult) -> Flow;

    /// What takes items in its place, from several threads at once, if there is such a thing.
    #[cfg(feature = "relay")]
    fn shared(&self) -> Option<Arc<dyn SharedOutlet>> {
        None
    }

    /// Whether there is room again, after [`Flow::Pause`].
    fn has_room(&mut self) -> bool;

    /// Nothing follows.
    fn end(&mut self, error: Option<Error>);
}

/// An outlet that several threads may give something at once.
#[cfg(feature = "relay")]
pub(crate) trait SharedOutlet: Send + Sync {
    /// Takes an item, and returns once it is where it is kept.
    fn take(&self, item: MessageResult) -> Flow;

    /// Takes messages that have come together, all or none.
    fn take_all(&self, messages: Vec<Message>) -> Flow;
}
