//! Where a source goes on.

use std::fmt;
use std::str::FromStr;

/// Where a source goes on after an alert. Survives a restart as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Position {
    /// In a file, as `device:inode:offset:mark`.
    File {
        device: u64,
        inode: u64,
        offset: u64,
        /// Of the bytes before `offset`: tells a file that was truncated and has grown again, and
        /// one that got the inode number of another.
        mark: u64,
    },
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::File {
                device,
                inode,
                offset,
                mark,
            } => write!(f, "{device}:{inode}:{offset}:{mark}"),
        }
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Position, String> {
        let numbers: Result<Vec<u64>, _> = text.split(':').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[device, inode, offset, mark]) => Ok(Position::File {
                device,
                inode,
                offset,
                mark,
            }),
            _ => Err(format!(
                "{text:?} is no position in a file; it has four numbers, device:inode:offset:mark"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_in_a_file_is_four_numbers() {
        for text in ["", "1:2:3", "1:2:3:4:5", "1:2:3:x", "1:2:3:-4"] {
            let error = text.parse::<Position>().unwrap_err();
            assert!(error.contains("device:inode:offset:mark"), "{error}");
        }
        let text = "1:2:3:18446744073709551615";
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
    }
}
