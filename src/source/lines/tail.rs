//! Follows a file that grows and is rotated, by rename or by truncation.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::position::{id, mark, regular, Open, Read, MARKED};
use super::split::{Line, Splitter};
use crate::delivery::Position;

/// What is read at a time.
const CHUNK: usize = 256 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There may be more at once.
    More,
    /// Nothing new now.
    Nothing,
    /// There is no such file now.
    Missing,
}

/// Where a line is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub begin: Position,
    pub end: Position,
    /// Whether it is behind the position that reading went on from.
    pub is_new: bool,
}

pub(crate) struct Tail {
    path: PathBuf,
    from: Option<Position>,
    splitter: Splitter,
    /// Where in the current file the splitter began to count.
    start: u64,
    /// After the last line that was given.
    last: Option<Position>,
    /// What ends at this offset or before it was given before.
    given: u64,
    buffer: Vec<u8>,
    current: Option<Open>,
    /// What the path names since the current file was renamed or deleted. It is held open from
    /// when it is seen, even empty, so that it is not missed if it is rotated soon.
    next: Option<Open>,
}

impl Tail {
    /// Lines of at most `most` bytes of the file at `path`: all, or those after a position.
    pub(crate) fn new(path: PathBuf, most: usize, from: Option<Position>) -> Tail {
        Tail {
            path,
            from,
            splitter: Splitter::new(most),
            start: 0,
            last: None,
            given: 0,
            buffer: vec![0; MARKED + CHUNK],
            current: None,
            next: None,
        }
    }

    /// Reads what is there now, a bounded amount at a time, and gives its complete lines.
    ///
    /// # Errors
    ///
    /// When the path names what cannot be read. What is left in the file that was there before
    /// comes first, and a later call may succeed.
    pub(crate) fn read(&mut self, mut each: impl FnMut(Line, Span)) -> io::Result<Found> {
        if self.current.is_none() && !self.begin()? {
            return Ok(Found::Missing);
        }
        // Before the old file is read: what its writer wrote there before it wrote to the new one
        // is seen then.
        let looked = self.look();
        let moved = match &self.next {
            Some(next) => next.has_data()?,
            None => false,
        };
        if self.read_current(&mut each)? {
            return Ok(Found::More);
        }
        if !moved {
            return looked.map(|()| Found::Nothing);
        }
        if let (Some(line), Some(old)) = (self.splitter.rest(), &self.current) {
            let end = old.here();
            let span = Span {
                begin: self.last.unwrap_or(end),
                end,
                is_new: true,
            };
            each(line, span);
        }
        if let Some(next) = self.next.take() {
            self.go_on_with(next);
        }
        Ok(Found::More)
    }

    /// The unfinished line at the end, for who does not follow.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        self.splitter.rest()
    }

    /// Opens the file that the position is in, or else the one at the path.
    fn begin(&mut self) -> io::Result<bool> {
        let (mut open, mut given) = (Open::at(&self.path)?, 0);
        if let Some(from) = &self.from {
            let is_there = match &mut open {
                Some(open) => open.go_to(from)?,
                None => false,
            };
            let old = match is_there {
                true => open.take(),
                false => rotated(&self.path, from),
            };
            if old.is_some() {
                let Position::File { offset, .. } = *from;
                given = offset;
            }
            open = old.or(open);
        }
        let Some(open) = open else {
            return Ok(false);
        };
        self.from = None;
        self.go_on_with(open);
        self.given = given;
        Ok(true)
    }

    fn go_on_with(&mut self, open: Open) {
        self.splitter.reset();
        self.start = open.position;
        self.given = 0;
        self.last = Some(open.here());
        self.current = Some(open);
    }

    /// Whether the path still names the current file, and what instead.
    fn look(&mut self) -> io::Result<()> {
        let Some(metadata) = regular(&self.path)? else {
            return Ok(());
        };
        let is = |open: &Option<Open>, id| open.as_ref().is_some_and(|open| open.id == id);
        if is(&self.current, id(&metadata)) {
            self.next = None;
            return Ok(());
        }
        let waits = match &self.next {
            Some(next) => next.id == id(&metadata) || next.has_data()?,
            None => false,
        };
        if !waits {
            // Renamed back just now, it would be read twice.
            let open = Open::at(&self.path)?.filter(|open| !is(&self.current, open.id));
            self.next = open.or(self.next.take());
        }
        Ok(())
    }

    /// Tells whether there was anything.
    fn read_current(&mut self, each: &mut impl FnMut(Line, Span)) -> io::Result<bool> {
        let Some(current) = &mut self.current else {
            return Ok(false);
        };
        loop {
            let (read, new) = match current.read(&mut self.buffer)? {
                Read::End => return Ok(false),
                Read::Truncated => {
                    current.restart();
                    self.splitter.reset();
                    self.start = 0;
                    self.given = 0;
                    self.last = Some(current.here());
                    continue;
                }
                Read::Bytes { read, new } => (read, new),
            };
            let first = current.position - read.len() as u64;
            let (last, given) = (&mut self.last, self.given);
            self.splitter.push(new, |line, consumed| {
                let offset = self.start + consumed;
                let before = read.get(..(offset - first) as usize).unwrap_or(read);
                let end = current.at_offset(offset, mark(before));
                let span = Span {
                    begin: last.replace(end).unwrap_or(end),
                    end,
                    is_new: offset > given,
                };
                each(line, span);
            });
            return Ok(true);
        }
    }
}

/// The file of a position, under the name that a rotation gave it: `file.log.1`,
/// `file.log-20260101`.
fn rotated(path: &Path, position: &Position) -> Option<Open> {
    let name = path.file_name()?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // What cannot be read is not the one that was read before.
    fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        if !entry.file_name().as_bytes().starts_with(name.as_bytes()) {
            return None;
        }
        let Position::File { device, inode, .. } = *position;
        let is_it = |metadata: Metadata| id(&metadata) == (device, inode);
        if !entry.metadata().is_ok_and(is_it) {
            return None;
        }
        let mut open = Open::at(&entry.path()).ok()??;
        open.go_to(position).ok()?.then_some(open)
    })
}
