//! A sink that is a file of JSON lines, or standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::deliver::{Deliver, Outcome};
use super::native;
use super::spool::Entry;

pub(super) struct Append {
    /// None for standard output.
    path: Option<PathBuf>,
    file: Option<File>,
    /// The last write failed, perhaps in the middle of a line.
    torn: bool,
    labelled: bool,
}

impl Append {
    pub(super) fn new(path: Option<PathBuf>, labelled: bool) -> Append {
        Append {
            path,
            file: None,
            torn: false,
            labelled,
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(path) = &self.path else {
            let mut out = io::stdout().lock();
            out.write_all(lines)?;
            return out.flush();
        };
        if self.file.as_ref().is_some_and(|file| is_other(file, path)) {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let (file, whole) = open(path)?;
                self.torn |= !whole;
                none.insert(file)
            }
        };
        let before = file.metadata()?;
        if self.torn {
            // What is torn stays a line of its own, and hides no other.
            file.write_all(b"\n")?;
        }
        self.torn = true;
        // Delivered is what a loss of power does not take away again.
        let written = file.write_all(lines).and_then(|()| match before.is_file() {
            true => file.sync_data(),
            false => Ok(()),
        });
        // Else the lines that did fit would be there twice.
        self.torn = written.is_err() && file.set_len(before.len()).is_err();
        written
    }
}

/// Whether the path names another file by now: it was rotated.
fn is_other(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) != (theirs.dev(), theirs.ino()),
        _ => true,
    }
}

/// The file, and whether it ends with a whole line.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if file.metadata()?.is_file() && length > 0 {
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
    }
    Ok((file, last == *b"\n"))
}

impl Deliver for Append {
    fn at_once(&self) -> usize {
        256
    }

    fn deliver(&mut self, entries: &[Entry]) -> Result<Outcome, String> {
        let mut lines = Vec::new();
        for line in entries
            .iter()
            .filter_map(|entry| native::line(entry, self.labelled))
        {
            lines.extend_from_slice(line.as_bytes());
            lines.push(b'\n');
        }
        match self.write(&lines) {
            Ok(()) => Ok(Outcome::Delivered),
            Err(error) => {
                // It may be there again under the same name.
                self.file = None;
                Err(format!("cannot be written: {error}"))
            }
        }
    }
}
