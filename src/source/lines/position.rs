//! Where in a file reading goes on.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::delivery::Position;
use crate::util::hash::fnv1a;

/// How many bytes before a position tell it.
pub(super) const MARKED: usize = 64;

/// A hash of the last bytes of `before`.
pub(super) fn mark(before: &[u8]) -> u64 {
    let last = before.len().saturating_sub(MARKED);
    let last = before.get(last..).unwrap_or_default();
    fnv1a(last)
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
    /// What was read: `new` at its end, and before that what a position is told by.
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

    /// Goes to a position if it is in this file.
    pub(super) fn go_to(&mut self, position: &Position) -> io::Result<bool> {
        let Position::File {
            device,
            inode,
            offset,
            mark: expected,
            start,
        } = *position;
        if self.id != (device, inode) || self.file.metadata()?.size() < offset {
            return Ok(false);
        }
        if self.mark_at(offset)? != Some(expected) {
            return Ok(false);
        }
        let Some(mark) = self.mark_at(start)? else {
            return Ok(false);
        };
        self.position = start;
        self.mark = mark;
        Ok(true)
    }

    /// Of the bytes before `offset`, where they are there.
    fn mark_at(&self, offset: u64) -> io::Result<Option<u64>> {
        let mut before = [0; MARKED];
        let length = offset.min(MARKED as u64);
        let before = before.get_mut(..length as usize).unwrap_or_default();
        let read = fill(&self.file, before, offset - length)?;
        Ok((read as u64 == length).then(|| mark(before)))
    }

    pub(super) fn at_offset(&self, offset: u64, mark: u64) -> Position {
        let (device, inode) = self.id;
        Position::File {
            device,
            inode,
            offset,
            mark,
            start: offset,
        }
    }

    /// Where it was read up to.
    pub(super) fn here(&self) -> Position {
        self.at_offset(self.position, self.mark)
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
            "not a regular file",
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
    fn a_mark_is_of_the_last_bytes() {
        // As others compute it, so that it stays the same.
        assert_eq!(mark(b"foobar"), 0x8594_4171_f739_67e8);
        let long = [&[b'x'; 9][..], &[b'y'; 64]].concat();
        assert_eq!(mark(&long), mark(&[b'y'; 64]));
    }
}
