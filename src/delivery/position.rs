//! Where a source goes on.

use std::fmt;
use std::str::FromStr;

/// Where a source goes on after an alert. Survives a restart as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Position {
    /// In a file, as numbers with colons between them: those of `end`, `start`, `modified`, and those
    /// of `previous` if there is one.
    File {
        /// After the alert.
        end: FilePosition,
        /// Where reading starts again: at the end, or before it where what begins there was not whole
        /// yet at the end.
        start: u64,
        /// When the file was written to last, in nanoseconds since the epoch.
        modified: u64,
        /// The end of the file that was read before this one: it is not read again if it comes back.
        previous: Option<FilePosition>,
    },
}

/// How far a file was read, and what tells it from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct FilePosition {
    pub device: u64,
    pub inode: u64,
    pub offset: u64,
    /// Of the bytes before `offset`: tells a file that was truncated and has grown again, and one
    /// that got the inode number of another.
    pub mark: u64,
    /// Of the file's first bytes, up to `offset` at most: with `mark`, it tells a copy of the file.
    pub head: u64,
}

impl FilePosition {
    pub(crate) fn id(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether it is in the same file, at `other`'s offset or before it.
    fn is_up_to(&self, other: &FilePosition) -> bool {
        self.id() == other.id() && self.offset <= other.offset
    }
}

impl Position {
    /// Orders the positions in one log: it is larger for a later one.
    #[cfg(feature = "relay")]
    pub(crate) fn order(&self) -> (u64, u64) {
        let Position::File { end, modified, .. } = self;
        (*modified, end.offset)
    }

    /// The same, but that reading starts at `other`, where that is before it in the same file.
    pub(crate) fn starting_at(mut self, other: &Position) -> Option<Position> {
        let Position::File { end, start, .. } = &mut self;
        let Position::File { end: other, .. } = other;
        let is_before = other.is_up_to(end);
        *start = other.offset;
        is_before.then_some(self)
    }
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FilePosition {
            device,
            inode,
            offset,
            mark,
            head,
        } = self;
        write!(f, "{device}:{inode}:{offset}:{mark}:{head}")
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::File {
                end,
                start,
                modified,
                previous,
            } => {
                write!(f, "{end}:{start}:{modified}")?;
                match previous {
                    Some(previous) => write!(f, ":{previous}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Position, String> {
        let numbers: Result<Vec<u64>, _> = text.split(':').map(str::parse).collect();
        let file = |numbers: &[u64]| match *numbers {
            [device, inode, offset, mark, head] => Some(FilePosition {
                device,
                inode,
                offset,
                mark,
                head,
            }),
            _ => None,
        };
        let read = |numbers: &[u64]| {
            let (end, rest) = numbers.split_at_checked(5)?;
            let (&[start, modified], previous) = rest.split_at_checked(2)? else {
                return None;
            };
            let position = Position::File {
                end: file(end)?,
                start,
                modified,
                previous: match previous {
                    [] => None,
                    previous => Some(file(previous)?),
                },
            };
            (start <= file(end)?.offset).then_some(position)
        };
        numbers
            .ok()
            .and_then(|numbers| read(&numbers))
            .ok_or_else(|| {
                format!("{text:?} is no position in a file; it has 7 or 12 numbers with colons")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_in_a_file_is_numbers() {
        for text in [
            "",
            "1:2:3:4:5:3",
            "1:2:3:4:5:3:x",
            "1:2:3:4:5:-3:6",
            "1:2:3:4:5:4:6",
            "1:2:3:4:5:3:6:7",
            "1:2:3:4:5:3:6:7:8:9:10:11:12",
        ] {
            let error = text.parse::<Position>().unwrap_err();
            assert!(error.contains("7 or 12 numbers"), "{error}");
        }
        for text in [
            "1:2:3:18446744073709551615:5:2:6",
            "1:2:3:4:5:3:6:7:8:9:10:11",
        ] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
    }
}
