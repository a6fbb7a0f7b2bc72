//! An alert between its source and its reader.

use crate::alert::Alert;
use crate::error::Result;
use crate::format::Format;
use crate::position::Position;

/// A message `falco.outputs.response` that is not decoded yet, with what its source knows of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub bytes: Vec<u8>,
    pub format: Format,
    /// Where its source continues after it, if it has positions.
    pub position: Option<Box<Position>>,
    /// Its number in the sequence, from 1, for a source that learns what was read; otherwise 0.
    pub number: u64,
}

impl Message {
    /// As it was received over gRPC.
    pub(crate) fn grpc(bytes: Vec<u8>) -> Message {
        Message {
            bytes,
            format: Format::Grpc,
            position: None,
            number: 0,
        }
    }

    pub(crate) fn decode(self) -> Result<Alert> {
        let alert = Alert::read(self.bytes, self.format)?;
        Ok(match self.position {
            None => alert,
            position => alert.before(position),
        })
    }
}
