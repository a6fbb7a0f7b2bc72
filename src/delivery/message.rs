//! An alert between its source and its reader.

use super::position::Position;
use crate::alert::Alert;
use crate::error::Result;
use crate::format::Format;

/// A message `falco.outputs.response` that is not decoded yet, with what its source knows of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub bytes: Vec<u8>,
    pub format: Format,
    /// Where its source continues after it, if it has positions.
    pub position: Option<Box<Position>>,
}

impl Message {
    /// As it was received over gRPC.
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
