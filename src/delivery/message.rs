//! An alert on its way from a source to its reader.

use super::position::Position;
use crate::alert::Alert;
use crate::error::Result;
use crate::format::Format;

/// One message `falco.outputs.response` that nobody has decoded yet, with what its source knows of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub bytes: Vec<u8>,
    pub format: Format,
    /// Where its source goes on after it, if that can be told.
    pub position: Option<Box<Position>>,
}

impl Message {
    /// As it came over gRPC.
    pub(crate) fn grpc(bytes: Vec<u8>) -> Message {
        Message {
            bytes,
            format: Format::Grpc,
            position: None,
        }
    }

    pub(crate) fn decode(self) -> Result<Alert> {
        Alert::read(self.bytes, self.format)
    }
}
