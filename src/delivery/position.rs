//! Where a source goes on.

use std::fmt;
use std::str::FromStr;

/// Where a source goes on after an alert. Survives a restart as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Position {
    /// In a file, as `device:inode:offset:mark:start`.
    File {
        device: u64,
        inode: u64,
        offset: u64,
        /// Of the bytes before `offset`: tells a file that was truncated and has grown again, and
        /// one that got the inode number of another.
        mark: u64,
        /// Where reading starts again: at `offset`, or before it where what begins there was not
        /// whole yet at `offset`.
        start: u64,
    },
}

impl Position {
    /// Whether it is in the same file, at `other`'s offset or before it.
    pub(crate) fn is_up_to(&self, other: &Position) -> bool {
        let Position::File {
            device,
            inode,
            offset,
            ..
        } = *self;
        let Position::File {
            device: other_device,
            inode: other_inode,
            offset: other_offset,
            ..
        } = *other;
        (device, inode) == (other_device, other_inode) && offset <= other_offset
    }

    /// The same, but that reading starts at `start`, where that is before it in the same file.
    pub(crate) fn starting_at(mut self, other: &Position) -> Option<Position> {
        let is_before = other.is_up_to(&self);
        let Position::File { start, .. } = &mut self;
        let Position::File { offset, .. } = *other;
        *start = offset;
        is_before.then_some(self)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::File {
                device,
                inode,
                offset,
                mark,
                start,
            } => write!(f, "{device}:{inode}:{offset}:{mark}:{start}"),
        }
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Position, String> {
        let numbers: Result<Vec<u64>, _> = text.split(':').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[device, inode, offset, mark, start]) if start <= offset => Ok(Position::File {
                device,
                inode,
                offset,
                mark,
                start,
            }),
            _ => Err(format!(
                "{text:?} is no position in a file; it has five numbers, device:inode:offset:mark:start"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_in_a_file_is_five_numbers() {
        for text in [
            "",
            "1:2:3:4",
            "1:2:3:4:3:6",
            "1:2:3:x:3",
            "1:2:3:-4:3",
            "1:2:3:4:4",
        ] {
            let error = text.parse::<Position>().unwrap_err();
            assert!(error.contains("device:inode:offset:mark:start"), "{error}");
        }
        let text = "1:2:3:18446744073709551615:2";
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
    }
}
