//! Where reading a file goes on.

mod saved;

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::util::text::one_line;

/// How much of a text that is no position its error shows, in bytes.
const LONGEST_SHOWN: usize = 100;

/// Where reading a file goes on after an alert: see [`Alert::position`](crate::Alert::position) and
/// [`Config::resume`](crate::Config::resume).
///
/// It identifies the file by device, inode and hashes of its content, so that reading goes on where it
/// ended after the file was renamed, copied or compressed with gzip. It may be kept as text,
/// which any later version reads, or in a file of its own: [`save`](Position::save) and
/// [`load`](Position::load).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// After the alert.
    pub(crate) end: FilePosition,
    /// Where reading starts again: at the end, or before it where what begins there was not whole
    /// yet at the end.
    pub(crate) start: u64,
    /// When the file was written to last, in nanoseconds since the epoch.
    pub(crate) modified: u64,
    /// The end of the file that was read before this one: it is not read again if it comes back.
    pub(crate) previous: Option<FilePosition>,
}

/// How far a file was read, and what identifies it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct FilePosition {
    pub device: u64,
    pub inode: u64,
    pub offset: u64,
    /// A hash of the bytes before `offset`: it detects a file that was truncated and has grown again, and
    /// one that got the inode number of another.
    pub mark: u64,
    /// A hash of the file's first bytes, up to `offset` at most: with `mark`, it identifies a copy.
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
        (self.modified, self.end.offset)
    }

    /// The same, but that reading starts at `other`, where that is before it in the same file.
    pub(crate) fn starting_at(mut self, other: &Position) -> Option<Position> {
        self.start = other.end.offset;
        other.end.is_up_to(&self.end).then_some(self)
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

/// As numbers with colons between them.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position {
            end,
            start,
            modified,
            previous,
        } = self;
        write!(f, "{end}:{start}:{modified}")?;
        match previous {
            Some(previous) => write!(f, ":{previous}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Position, Error> {
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
            let position = Position {
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
                let problem = "it is no position in a file, which has 7 or 12 numbers with colons";
                let remedy = "give what a Position was shown as, or begin anew without it";
                let shown = one_line(format_args!("{text:?}"), LONGEST_SHOWN);
                Error::position(shown, (problem, remedy), None)
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
            let error = text.parse::<Position>().unwrap_err().to_string();
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
