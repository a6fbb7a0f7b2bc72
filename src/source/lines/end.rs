//! The end of a file, as a position to begin at.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::follow::unreadable;
use super::open::Open;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::position::{FilePosition, Position};

impl Position {
    /// The end of a file as it is now, to read only what is written to it from now on. Of a file that
    /// is not there, that is all.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`](crate::Error::Unavailable) where it cannot be read.
    pub fn end_of(path: impl AsRef<Path>) -> Result<Position> {
        let path = path.as_ref();
        end_of(path).map_err(|error| unreadable(&Endpoint::File(path.to_owned()), error))
    }
}

fn end_of(path: &Path) -> io::Result<Position> {
    let (end, modified) = match Open::rotated(path)? {
        Some(mut open) => {
            open.go_to_end()?;
            (open.here(), open.modified)
        }
        None => (FilePosition::default(), now()),
    };
    Ok(Position {
        end,
        start: end.offset,
        modified,
        previous: None,
    })
}

/// In nanoseconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}
