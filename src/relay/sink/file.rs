//! A file as a sink: lines of JSON are appended.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{access, Access};

use super::target::{probe_folder, RunningSink, StartSink, Target};
use super::Sink;
use crate::diagnose::{Finding, Step};
use crate::endpoint::Place;
use crate::error::Result;
use crate::relay::deliver::{json_lines, Deliver, Delivery, Failure};
use crate::relay::identity::SinkIdentity;
use crate::relay::loops::with_real_folder;
use crate::relay::spool::Entry;

#[derive(Clone, Debug)]
pub(super) struct FileSink {
    path: PathBuf,
}

impl FileSink {
    /// Of `file:///path`, or a path.
    pub(super) fn parse(text: &str) -> FileSink {
        let path = text.strip_prefix("file://").unwrap_or(text);
        FileSink { path: path.into() }
    }
}

impl fmt::Display for FileSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file://{}", self.path.display())
    }
}

impl Target for FileSink {
    fn identity(&self) -> SinkIdentity {
        let path = with_real_folder(&self.path);
        SinkIdentity::new(format!("file://{}", path.display()))
    }

    fn place(&self) -> Place {
        Place::Path(self.path.clone())
    }

    fn may_have_tls(&self) -> bool {
        false
    }

    fn check(&self, _: &Sink, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        if !self.path.exists() {
            findings.push(probe_folder(&self.path, Step::Outputs)?);
            return Ok(());
        }
        let failed = |problem: String| {
            let remedy = "give a file that this user may write to";
            Finding::failed(Step::Outputs, (problem, remedy))
        };
        if self.path.is_dir() {
            return Err(failed("is a folder".to_owned()));
        }
        access(&self.path, Access::WRITE_OK)
            .map_err(|error| failed(format!("the file cannot be written: {error}")))?;
        findings.push(Finding::ok(Step::Outputs, "the file can be written"));
        Ok(())
    }

    fn start(&self, start: StartSink<'_>) -> Result<Arc<dyn RunningSink>> {
        let appender = Appender {
            path: self.path.clone(),
            file: None,
            torn: false,
            labelled: start.labelled,
        };
        start.deliver(appender)
    }
}

struct Appender {
    path: PathBuf,
    file: Option<File>,
    /// The file may end in the middle of a line.
    torn: bool,
    labelled: bool,
}

impl Appender {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self
            .file
            .as_ref()
            .is_some_and(|file| is_rotated(file, &self.path))
        {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let (file, whole) = open(&self.path)?;
                self.torn |= !whole;
                none.insert(file)
            }
        };
        let before = file.metadata()?;
        if self.torn {
            // The torn line then stands alone, and spoils no other.
            file.write_all(b"\n")?;
        }
        self.torn = true;
        // An alert is delivered when a loss of power cannot take it away again.
        let written = file.write_all(lines).and_then(|()| match before.is_file() {
            true => file.sync_data(),
            false => Ok(()),
        });
        // After a failure the lines that did fit are removed, as they are written again.
        self.torn = written.is_err() && file.set_len(before.len()).is_err();
        written
    }
}

/// Whether the path names another file by now.
fn is_rotated(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) != (theirs.dev(), theirs.ino()),
        _ => true,
    }
}

/// Opens the file. Returns also whether it ends with a whole line.
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

impl Deliver for Appender {
    fn batch_size(&self) -> usize {
        256
    }

    fn deliver(&mut self, batch: &[Entry]) -> Result<Delivery, Failure> {
        let (lines, refused) = json_lines(batch, self.labelled);
        match self.append(&lines) {
            Ok(()) => Ok(Delivery::all_except(batch, refused)),
            Err(error) => {
                // It may come back under the same name.
                self.file = None;
                Err(Failure::new(format!("cannot be written: {error}")))
            }
        }
    }
}
