//! Follows a file that grows and is rotated: by rename, by copying and truncation, several times.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use super::fingerprint::{mark, HEAD};
use super::gap::{Gap, Why};
use super::open::{id, regular, Open, Read};
use super::rotated;
use super::split::{Line, Splitter};
use crate::position::{FilePosition, Position};

/// What is read at a time.
const CHUNK: usize = 256 * 1024;

/// How many of the files that were read are recognised.
const DONE: usize = 16;

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
    /// The ends of the files that were read, the last one first.
    done: VecDeque<FilePosition>,
    /// The files that could not be read, each reported once.
    unreadable: Vec<(u64, u64)>,
    gaps: Vec<Gap>,
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
            buffer: vec![0; HEAD + CHUNK],
            current: None,
            next: None,
            done: VecDeque::new(),
            unreadable: Vec::new(),
            gaps: Vec::new(),
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
        let Some(next) = self.follower(moved) else {
            return looked.map(|is_there| match is_there || !self.is_compressed() {
                true => Found::Nothing,
                false => Found::Missing,
            });
        };
        if let (Some(line), Some(old)) = (self.splitter.rest(), &self.current) {
            let end = self.position(old, old.here());
            let span = Span {
                begin: self.last.unwrap_or(end),
                end,
                is_new: true,
            };
            each(line, span);
        }
        self.go_on_with(next);
        // At once: until its beginning is known, it is not seen that it was truncated.
        self.read_current(&mut each)?;
        Ok(Found::More)
    }

    /// The unfinished line at the end, for who does not follow.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        self.splitter.rest()
    }

    /// What may be missing, as far as that was not told. It begins with the last alert that was read,
    /// which has this time, where that is known.
    pub(crate) fn gaps(&mut self, last: Option<u64>) -> impl Iterator<Item = String> + '_ {
        let since = last.unwrap_or(u64::MAX);
        self.gaps.drain(..).map(move |gap| {
            let since = since.min(gap.since);
            Gap { since, ..gap }.to_string()
        })
    }

    /// The file that is read, if it is not the one at the path.
    pub(crate) fn reads_rotated(&self) -> Option<String> {
        let current = self.current.as_ref()?;
        (current.path != self.path).then(|| current.path.display().to_string())
    }

    /// Opens the file that the position is in, or else the one at the path.
    fn begin(&mut self) -> io::Result<bool> {
        let mut open = Open::rotated(&self.path)?;
        let Some(from) = self.from else {
            let is_there = open.is_some();
            open.into_iter().for_each(|open| self.go_on_with(open));
            return Ok(is_there);
        };
        let Position {
            end,
            start,
            modified,
            previous,
        } = from;
        let is_there = match &mut open {
            Some(open) => open.id == end.id() && open.go_to(&end, start)?,
            None => false,
        };
        let old = match is_there {
            true => open.take(),
            false => rotated::find(&self.path, &end, start, modified),
        };
        self.done = previous.into_iter().collect();
        if let Some(old) = old {
            self.go_on_with(old);
            self.given = end.offset;
        } else {
            let next = self.after(&end, modified).or(open);
            let Some(next) = next else {
                return Ok(false);
            };
            // It may be in one that cannot be read, which is said. Of what was not there, nothing is
            // missing.
            if self.gaps.is_empty() && end != FilePosition::default() {
                let offset = end.offset;
                let why = match next.id == end.id() {
                    true => Why::Truncated { offset },
                    false => Why::NotFound { offset },
                };
                self.gap(modified, next.modified, why);
            }
            self.go_on_with(next);
        }
        self.from = None;
        Ok(true)
    }

    fn go_on_with(&mut self, open: Open) {
        if let Some(old) = self.current.take() {
            self.done.push_front(old.here());
            self.done.truncate(DONE);
        }
        if self.next.as_ref().is_some_and(|next| next.id == open.id) {
            self.next = None;
        }
        self.splitter.reset();
        self.start = open.position;
        self.given = 0;
        self.last = Some(self.position(&open, open.here()));
        self.current = Some(open);
    }

    fn position(&self, open: &Open, end: FilePosition) -> Position {
        Position {
            end,
            start: end.offset,
            modified: open.modified,
            previous: self.done.front().copied(),
        }
    }

    /// Whether the path still names the current file, and what instead. Tells whether there is any.
    fn look(&mut self) -> io::Result<bool> {
        let Some(metadata) = regular(&self.path)? else {
            return Ok(false);
        };
        let is = |open: &Option<Open>, id| open.as_ref().is_some_and(|open| open.id == id);
        if is(&self.current, id(&metadata)) {
            self.next = None;
            return Ok(true);
        }
        let waits = match &self.next {
            Some(next) => next.id == id(&metadata) || next.has_data()?,
            None => false,
        };
        if !waits {
            // Renamed back just now, it would be read twice.
            let open = Open::at(&self.path)?.filter(|open| !is(&self.current, open.id));
            let open = open.map(|open| self.known_again(open)).transpose()?;
            self.next = open.or(self.next.take());
        }
        Ok(true)
    }

    /// A file that is renamed back is read from where its reading ended.
    fn known_again(&self, mut open: Open) -> io::Result<Open> {
        for done in &self.done {
            if done.id() == open.id && open.go_to(done, done.offset)? {
                break;
            }
        }
        Ok(open)
    }

    fn is_compressed(&self) -> bool {
        self.current.as_ref().is_some_and(Open::is_compressed)
    }

    /// What is read after the current file, which is at its end.
    fn follower(&mut self, moved: bool) -> Option<Open> {
        let current = self.current.as_ref()?;
        let is_at_path =
            self.next.is_none() && !current.is_compressed() && current.path == self.path;
        if is_at_path && regular(&self.path).is_ok_and(|found| found.is_some()) {
            return None;
        }
        let (here, modified) = (current.here(), current.modified);
        let between = self.after(&here, modified);
        between.or_else(|| self.next.take_if(|_| moved))
    }

    /// The first file that was rotated after another and was not read.
    fn after(&mut self, end: &FilePosition, since: u64) -> Option<Open> {
        for file in rotated::after(&self.path, end, since) {
            let is_next = self.next.as_ref().is_some_and(|next| next.id == file.id);
            if is_next {
                return self.next.take();
            }
            if self.unreadable.contains(&file.id) {
                continue;
            }
            let problem = match file.open() {
                _ if file.is_unreadable() => "it is compressed otherwise than by gzip",
                None => "see whether this user may read it",
                Some(mut open) => match self.is_done(&mut open) {
                    true => continue,
                    false => return Some(open),
                },
            };
            self.unreadable.push(file.id);
            self.gap(
                since,
                file.modified(),
                Why::Unreadable {
                    path: file.path,
                    problem: problem.to_owned(),
                },
            );
        }
        None
    }

    /// Whether it is a copy of what was read.
    fn is_done(&self, open: &mut Open) -> bool {
        let current = self.current.as_ref().map(Open::here);
        let mut done = self.done.iter().copied().chain(current);
        done.any(|done| open.begins_like(&done).unwrap_or_default())
    }

    fn gap(&mut self, since: u64, until: u64, why: Why) {
        self.gaps.push(Gap { why, since, until });
    }

    /// Tells whether there was anything.
    fn read_current(&mut self, each: &mut impl FnMut(Line, Span)) -> io::Result<bool> {
        let previous = self.done.front().copied();
        let Some(current) = &mut self.current else {
            return Ok(false);
        };
        let (read, new) = match current.read(&mut self.buffer) {
            Ok(Read::End) => return Ok(false),
            Ok(Read::Truncated) => {
                self.truncated()?;
                return Ok(true);
            }
            Ok(Read::Bytes { read, new }) => (read, new),
            Err(error) if current.is_compressed() => {
                self.broken(&error);
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let first = current.position - read.len() as u64;
        let (last, given) = (&mut self.last, self.given);
        self.splitter.push(new, |line, consumed| {
            let offset = self.start + consumed;
            let before = read.get(..(offset - first) as usize).unwrap_or(read);
            let end = Position {
                end: current.at_offset(offset, mark(before)),
                start: offset,
                modified: current.modified,
                previous,
            };
            let span = Span {
                begin: last.replace(end).unwrap_or(end),
                end,
                is_new: offset > given,
            };
            each(line, span);
        });
        Ok(true)
    }

    /// The current file was truncated: its copy is read to its end, and then it is read anew.
    fn truncated(&mut self) -> io::Result<()> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        let (here, modified) = (current.here(), current.modified);
        current.restart()?;
        let copy = rotated::find(&self.path, &here, here.offset, modified);
        let copy = copy.filter(|copy| copy.id != current.id);
        if copy.is_some() {
            self.next = Some(current);
            self.current = copy;
            return Ok(());
        }
        if here.offset > 0 {
            let offset = here.offset;
            self.gap(modified, current.touched()?, Why::Truncated { offset });
        }
        self.current = Some(current);
        self.splitter.reset();
        self.start = 0;
        self.given = 0;
        self.last = self
            .current
            .as_ref()
            .map(|open| self.position(open, open.here()));
        Ok(())
    }

    /// The current file is compressed and damaged: what is behind that is missing.
    fn broken(&mut self, error: &io::Error) {
        if let Some(current) = &self.current {
            if !self.unreadable.contains(&current.id) {
                self.unreadable.push(current.id);
                let why = Why::Unreadable {
                    path: current.path.clone(),
                    problem: error.to_string(),
                };
                self.gap(current.modified, current.modified, why);
            }
        }
    }
}
