//! Where in a file reading goes on.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::str::FromStr;

/// How many bytes before a place tell it.
pub(super) const MARKED: usize = 64;

/// Survives a restart as text: `device:inode:offset:mark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) offset: u64,
    /// Of the bytes before `offset`: tells a file that was truncated and has grown again, and one
    /// that got the inode number of another.
    pub(crate) mark: u64,
}

/// A hash of the last bytes of `before`: FNV-1a, as it must be the same in each run.
pub(super) fn mark(before: &[u8]) -> u64 {
    let last = before.len().saturating_sub(MARKED);
    let last = before.get(last..).unwrap_or_default();
    last.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            device,
            inode,
            offset,
            mark,
        } = self;
        write!(f, "{device}:{inode}:{offset}:{mark}")
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let numbers: Result<Vec<u64>, _> = text.split(':').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[device, inode, offset, mark]) => Ok(Place {
                device,
                inode,
                offset,
                mark,
            }),
            _ => Err(format!(
                "{text:?} is no place in a file; it has four numbers, device:inode:offset:mark"
            )),
        }
    }
}

/// An open file, and how far it was read.
pub(super) struct Open {
    file: File,
    /// Device and inode.
    pub(super) id: (u64, u64),
    pub(super) position: u64,
    /// Of the bytes before the position.
    pub(super) mark: u64,
    /// Size and time of change when it was read last.
    seen: Option<(u64, i64, i64)>,
}

pub(super) enum Read<'a> {
    End,
    /// What was before the position is no longer there.
    Truncated,
    /// What was read: `new` at its end, and before that what a place is told by.
    Bytes {
        read: &'a [u8],
        new: &'a [u8],
    },
}

impl Open {
    /// `None` if there is no such file.
    pub(super) fn at(path: &Path) -> io::Result<Option<Open>> {
        // Before it is opened, as that waits for ever at a pipe.
        if regular(path)?.is_none() {
            return Ok(None);
        }
        let Some(file) = found(File::open(path))? else {
            return Ok(None);
        };
        let id = id(&file.metadata()?);
        Ok(Some(Open {
            file,
            id,
            position: 0,
            mark: mark(&[]),
            seen: None,
        }))
    }

    /// Goes to a place if it is in this file.
    pub(super) fn go_to(&mut self, place: &Place) -> io::Result<bool> {
        let is_it = self.id == (place.device, place.inode);
        if !is_it || self.file.metadata()?.size() < place.offset {
            return Ok(false);
        }
        let mut before = [0; MARKED];
        let length = place.offset.min(MARKED as u64);
        let before = before.get_mut(..length as usize).unwrap_or_default();
        let read = fill(&self.file, before, place.offset - length)?;
        if read as u64 != length || mark(before) != place.mark {
            return Ok(false);
        }
        self.position = place.offset;
        self.mark = place.mark;
        Ok(true)
    }

    pub(super) fn place(&self, offset: u64, mark: u64) -> Place {
        let (device, inode) = self.id;
        Place {
            device,
            inode,
            offset,
            mark,
        }
    }

    pub(super) fn has_data(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.size() > 0)
    }

    pub(super) fn restart(&mut self) {
        self.position = 0;
        self.mark = mark(&[]);
        self.seen = None;
    }

    pub(super) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Read<'a>> {
        let metadata = self.file.metadata()?;
        let size = metadata.size();
        // The time, too: a file may have been truncated and have grown to just the same size.
        let seen = Some((size, metadata.mtime(), metadata.mtime_nsec()));
        if size == self.position && seen == self.seen {
            return Ok(Read::End);
        }
        // In one go with what is new, so that nothing is truncated in between.
        let before = self.position.min(MARKED as u64);
        let length = fill(&self.file, buffer, self.position - before)?;
        let read = buffer.get(..length).unwrap_or_default();
        let new = match read.split_at_checked(before as usize) {
            Some((before, new)) if size >= self.position && mark(before) == self.mark => new,
            _ => return Ok(Read::Truncated),
        };
        self.seen = seen;
        if new.is_empty() {
            return Ok(Read::End);
        }
        self.position += new.len() as u64;
        self.mark = mark(read);
        Ok(Read::Bytes { read, new })
    }
}

pub(super) fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// `None` if there is no such file.
pub(super) fn regular(path: &Path) -> io::Result<Option<Metadata>> {
    match found(fs::metadata(path))? {
        Some(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Some(metadata) if !metadata.is_file() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file; give a pipe as standard input, with - instead of its path",
        )),
        metadata => Ok(metadata),
    }
}

fn fill(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_four_numbers() {
        for text in ["", "1:2:3", "1:2:3:4:5", "1:2:3:x", "1:2:3:-4"] {
            let error = text.parse::<Place>().unwrap_err();
            assert!(error.contains("device:inode:offset:mark"), "{error}");
        }
        let place: Place = "1:2:3:18446744073709551615".parse().unwrap();
        assert_eq!((place.device, place.inode, place.offset), (1, 2, 3));
        assert_eq!(place.mark, u64::MAX);
        // As others compute it, so that it stays the same.
        assert_eq!(mark(b"foobar"), 0x8594_4171_f739_67e8);
        let long = [&[b'x'; 9][..], &[b'y'; 64]].concat();
        assert_eq!(mark(&long), mark(&[b'y'; 64]));
    }
}
