//! A file that is read: one that grows, or one that was compressed.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::fingerprint::{head, mark, HEAD, MARKED};
use super::gzip::Gzip;
use crate::position::FilePosition;

/// What is read at a time where a place is looked for.
const CHUNK: usize = 64 * 1024;

/// How far from its end the start of an unfinished line is looked for.
const LONGEST_LINE: u64 = 64 << 20;

/// An open file, and how far it was read.
pub(super) struct Open {
    pub(super) path: PathBuf,
    content: Content,
    /// Device and inode.
    pub(super) id: (u64, u64),
    pub(super) position: u64,
    /// Of the bytes before the position.
    pub(super) mark: u64,
    /// The first bytes of the file, as far as they were read.
    first: Vec<u8>,
    /// When it was written to last, in nanoseconds since the epoch.
    pub(super) modified: u64,
    /// Size and time of change when it was read last.
    seen: Option<(u64, i64, i64)>,
}

enum Content {
    Plain(File),
    Gzip(Box<Gzip>),
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
    /// A file that grows. `None` if there is no such file.
    pub(super) fn at(path: &Path) -> io::Result<Option<Open>> {
        // Before it is opened, as that waits for ever at a pipe.
        if regular(path)?.is_none() {
            return Ok(None);
        }
        let Some(file) = found(File::open(path))? else {
            return Ok(None);
        };
        Open::new(path, file).map(Some)
    }

    /// A file that was rotated, and may be compressed.
    pub(super) fn rotated(path: &Path) -> io::Result<Option<Open>> {
        let Some(mut open) = Open::at(path)? else {
            return Ok(None);
        };
        if matches!(&open.content, Content::Plain(file) if Gzip::is_one(file)) {
            open.content = Content::Gzip(Box::new(Gzip::open(path)?));
        }
        Ok(Some(open))
    }

    fn new(path: &Path, file: File) -> io::Result<Open> {
        let metadata = file.metadata()?;
        Ok(Open {
            path: path.to_owned(),
            content: Content::Plain(file),
            id: id(&metadata),
            position: 0,
            mark: mark(&[]),
            first: Vec::new(),
            modified: modified(&metadata),
            seen: None,
        })
    }

    /// Whether nothing is added to it any more.
    pub(super) fn is_compressed(&self) -> bool {
        match self.content {
            Content::Plain(_) => false,
            Content::Gzip(_) => true,
        }
    }

    /// Goes to `start` if the file has what was before `end`; else to its beginning.
    pub(super) fn go_to(&mut self, end: &FilePosition, start: u64) -> io::Result<bool> {
        if self.is_same_up_to(end)? && self.seek(start)? {
            return Ok(true);
        }
        self.restart()?;
        Ok(false)
    }

    fn is_same_up_to(&mut self, end: &FilePosition) -> io::Result<bool> {
        // First what is read soon.
        if !self.seek(end.offset.min(HEAD as u64))? || self.here().head != end.head {
            return Ok(false);
        }
        Ok(self.seek(end.offset)? && self.mark == end.mark)
    }

    /// Whether it begins as a file did that was read up to there.
    pub(super) fn begins_like(&mut self, end: &FilePosition) -> io::Result<bool> {
        let is_like = end.offset > 0
            && self.seek(end.offset.min(HEAD as u64))?
            && self.here().head == end.head;
        self.restart()?;
        Ok(is_like)
    }

    /// The time of the first alert in it, or of its log's, if that is near its beginning.
    pub(super) fn first_time(&mut self) -> Option<Timestamp> {
        let mut buffer = vec![0; CHUNK];
        let time = match self.read(&mut buffer) {
            Ok(Read::Bytes { new, .. }) => time_in(new),
            Ok(Read::End | Read::Truncated) | Err(_) => None,
        };
        self.restart().ok()?;
        time
    }

    /// Goes to its end, or to the start of the line that is unfinished there.
    pub(super) fn go_to_end(&mut self) -> io::Result<()> {
        match &self.content {
            Content::Plain(file) => {
                let end = last_line_end(file)?;
                self.seek(end).map(drop)
            }
            Content::Gzip(_) => {
                let mut buffer = vec![0; MARKED + CHUNK];
                while !matches!(self.read(&mut buffer)?, Read::End) {}
                Ok(())
            }
        }
    }

    /// Goes to an offset, where the file is as long.
    fn seek(&mut self, offset: u64) -> io::Result<bool> {
        match &mut self.content {
            Content::Plain(file) => {
                let length = offset.min(MARKED as u64);
                let before = bytes(file, offset - length, length)?;
                if before.len() as u64 != length {
                    return Ok(false);
                }
                self.mark = mark(&before);
                self.first = bytes(file, 0, offset.min(HEAD as u64))?;
                self.position = offset;
                Ok(true)
            }
            Content::Gzip(_) => {
                if offset < self.position {
                    self.restart()?;
                }
                let mut buffer = vec![0; MARKED + CHUNK];
                while self.position < offset {
                    let most = offset - self.position;
                    if matches!(self.read_at_most(&mut buffer, most)?, Read::End) {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    pub(super) fn at_offset(&self, offset: u64, mark: u64) -> FilePosition {
        let (device, inode) = self.id;
        FilePosition {
            device,
            inode,
            offset,
            mark,
            head: head(&self.first, offset),
        }
    }

    /// Where it was read up to.
    pub(super) fn here(&self) -> FilePosition {
        self.at_offset(self.position, self.mark)
    }

    /// Whether there is more than was read.
    pub(super) fn has_data(&self) -> io::Result<bool> {
        match &self.content {
            Content::Plain(file) => Ok(file.metadata()?.size() > self.position),
            Content::Gzip(_) => Ok(true),
        }
    }

    /// When it was written to last, as of now: of one that was truncated, that is when, or later.
    pub(super) fn touched(&mut self) -> io::Result<u64> {
        if let Content::Plain(file) = &self.content {
            self.modified = modified(&file.metadata()?);
        }
        Ok(self.modified)
    }

    /// Goes to its beginning.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        if let Content::Gzip(gzip) = &mut self.content {
            **gzip = Gzip::open(&self.path)?;
        }
        self.position = 0;
        self.mark = mark(&[]);
        self.first = Vec::new();
        self.seen = None;
        Ok(())
    }

    /// Fills the buffer, which has room for more than [`HEAD`].
    pub(super) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Read<'a>> {
        self.read_at_most(buffer, u64::MAX)
    }

    fn read_at_most<'a>(&mut self, buffer: &'a mut [u8], most: u64) -> io::Result<Read<'a>> {
        let (read, new) = match &mut self.content {
            Content::Gzip(gzip) => {
                let (before, read) = gzip.read(buffer, most)?;
                (read, read.get(before..).unwrap_or_default())
            }
            Content::Plain(file) => {
                let metadata = file.metadata()?;
                let size = metadata.size();
                // The time, too: a file may have been truncated and have grown to just the same size.
                let seen = Some((size, metadata.mtime(), metadata.mtime_nsec()));
                if size == self.position && seen == self.seen {
                    return Ok(Read::End);
                }
                // In one go with what is new, so that nothing is truncated in between.
                let is_short = self.position <= HEAD as u64;
                let before = match is_short {
                    true => self.position,
                    false => MARKED as u64,
                };
                let length = fill(file, buffer, self.position - before)?;
                let read = buffer.get(..length).unwrap_or_default();
                let is_same = |before: &[u8]| match is_short {
                    true => before == self.first,
                    false => mark(before) == self.mark,
                };
                let new = match read.split_at_checked(before as usize) {
                    Some((before, new)) if size >= self.position && is_same(before) => new,
                    _ => return Ok(Read::Truncated),
                };
                self.seen = seen;
                self.modified = modified(&metadata);
                (read, new)
            }
        };
        if new.is_empty() {
            return Ok(Read::End);
        }
        if self.first.len() as u64 == self.position && self.first.len() < HEAD {
            let missing = HEAD - self.first.len();
            self.first
                .extend_from_slice(new.get(..missing).unwrap_or(new));
        }
        self.position += new.len() as u64;
        self.mark = mark(read);
        Ok(Read::Bytes { read, new })
    }
}

pub(super) fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn modified(metadata: &Metadata) -> u64 {
    nanoseconds(metadata.mtime(), metadata.mtime_nsec())
}

/// The first JSON text named `time` that is one, in JSON that may be quoted itself.
fn time_in(bytes: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(bytes);
    let mut texts = text.split("time").skip(1).filter_map(|rest| {
        let rest = rest.trim_start_matches(['\\', '"', ':', ' ']);
        let end = rest.find(['\\', '"'])?;
        rest.get(..end)?.parse().ok()
    });
    texts.next()
}

/// A time in nanoseconds since the epoch.
pub(super) fn nanoseconds(seconds: i64, nanoseconds: i64) -> u64 {
    let time = seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds);
    u64::try_from(time).unwrap_or_default()
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

/// Where the last line that is whole ends; of what has none, its end.
fn last_line_end(file: &File) -> io::Result<u64> {
    let end = file.metadata()?.size();
    let mut before = end;
    while before > 0 && end - before < LONGEST_LINE {
        let length = before.min(CHUNK as u64);
        before -= length;
        let chunk = bytes(file, before, length)?;
        if let Some(newline) = chunk.iter().rposition(|&byte| byte == b'\n') {
            return Ok(before + newline as u64 + 1);
        }
    }
    Ok(if before == 0 { 0 } else { end })
}

/// What stands in a file there, as far as it is there.
fn bytes(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    let read = fill(file, &mut bytes, offset)?;
    bytes.truncate(read);
    Ok(bytes)
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
