//! The file of dead letters in the folder of a spool.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{
    self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _,
};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::letter::DeadLetter;
use super::lock::open_locked;
use crate::error::{Error, Result};
use crate::util::lock::lock;

const NAME: &str = "dead-letters.jsonl";

/// How large the file may become.
const LIMIT: u64 = 128 << 20;

/// Alerts that the sinks of a relay could not take, in the folder of its spool.
///
/// It is the file `dead-letters.jsonl`, with a line of JSON for each. A relay may use it at the same
/// time, and it may be removed or emptied at any time.
#[derive(Clone, Debug)]
pub struct DeadLetterFile {
    path: PathBuf,
    limit: u64,
    counted: Arc<Mutex<Counted>>,
}

/// How many lines a part of the file has.
#[derive(Default, Debug)]
struct Counted {
    device: u64,
    inode: u64,
    bytes: u64,
    lines: u64,
}

/// Why an alert is not in the file.
#[derive(Debug)]
pub(super) enum Unstored {
    /// It would exceed the limit.
    Full,
    Failed(io::Error),
}

impl From<io::Error> for Unstored {
    fn from(error: io::Error) -> Unstored {
        Unstored::Failed(error)
    }
}

impl DeadLetterFile {
    /// The dead letters of the relay whose spool is this folder.
    pub fn in_folder(folder: impl AsRef<Path>) -> DeadLetterFile {
        DeadLetterFile {
            path: folder.as_ref().join(NAME),
            limit: LIMIT,
            counted: Arc::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn with_limit(mut self, limit: u64) -> DeadLetterFile {
        self.limit = limit;
        self
    }

    /// Where it is. There is no file before the first dead letter.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The dead letters in it, the oldest first. A line that is none is an error among them.
    ///
    /// # Errors
    ///
    /// [`Error::Spool`] where the file cannot be read. One that is missing has no dead letters.
    pub fn read(&self) -> Result<Vec<Result<DeadLetter>>> {
        let mut letters = Vec::new();
        let read = self.each_line(|number, line| {
            let letter = match std::str::from_utf8(line) {
                Ok(line) => DeadLetter::read(line),
                Err(error) => Err(error.to_string()),
            };
            letters.push(letter.map_err(|problem| {
                let problem = format!("line {number} is no dead letter: {problem}");
                let remedy = "it is left as it is; remove it with an editor";
                Error::spool(&self.path, (problem, remedy), None)
            }));
            Ok(())
        });
        match read {
            Ok(()) => Ok(letters),
            Err(error) => Err(self.unusable("read", error)),
        }
    }

    fn each_line(&self, mut take: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let file = match open_locked(&self.path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let mut lines = BufReader::new(&file);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            if !text.is_empty() {
                take(number, text)?;
            }
        }
        Ok(())
    }

    /// Removes letters that were [read](DeadLetterFile::read), as those that were sent. What has come
    /// since stays. Either all of them are removed or, after an error or a crash, none.
    ///
    /// # Errors
    ///
    /// [`Error::Spool`] where the file cannot be written.
    pub fn remove<'a>(&self, letters: impl IntoIterator<Item = &'a DeadLetter>) -> Result<()> {
        let mut gone = HashMap::<&[u8], u64>::new();
        for letter in letters {
            *gone.entry(letter.line.as_bytes()).or_default() += 1;
        }
        if gone.is_empty() {
            return Ok(());
        }
        self.try_remove(gone)
            .map_err(|error| self.unusable("written", error))
    }

    fn try_remove(&self, mut gone: HashMap<&[u8], u64>) -> io::Result<()> {
        // Held until the new file has taken its place.
        let locked = match open_locked(&self.path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let new = self.path.with_extension("jsonl.new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let options = || {
            File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&new)
        };
        let mut to = BufWriter::new(options()?);
        let mut lines = BufReader::new(&locked);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            match gone.get_mut(text) {
                Some(count) if *count > 0 => *count -= 1,
                _ => to.write_all(&line)?,
            }
            line.clear();
        }
        let to = to.into_inner().map_err(io::IntoInnerError::into_error)?;
        to.sync_all()?;
        fs::rename(&new, &self.path)?;
        self.sync_folder()
    }

    /// Appends a line and syncs it.
    pub(super) fn append(&self, line: &[u8]) -> std::result::Result<(), Unstored> {
        let mut file = open_locked(&self.path, true)?;
        let before = file.metadata()?.len();
        if before.saturating_add(line.len() as u64) > self.limit {
            return Err(Unstored::Full);
        }
        let mut last = [b'\n'];
        if before > 0 {
            file.seek(SeekFrom::Start(before - 1))?;
            file.read_exact(&mut last)?;
        }
        let write = |mut file: &File| {
            if last != *b"\n" {
                // A torn line then stands alone, and spoils no other.
                file.write_all(b"\n")?;
            }
            file.write_all(line)?;
            file.sync_all()
        };
        if let Err(error) = write(&file) {
            // It is written again, as a whole.
            let _ = file.set_len(before);
            return Err(error.into());
        }
        if before == 0 {
            self.sync_folder()?;
        }
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    /// How many lines it has; only those that are new since the last time are read.
    pub(crate) fn count(&self) -> u64 {
        let mut counted = lock(&self.counted);
        match counted.update(&self.path) {
            Ok(()) => counted.lines,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *counted = Counted::default();
                0
            }
            // As it was.
            Err(_) => counted.lines,
        }
    }

    fn unusable(&self, what: &str, error: io::Error) -> Error {
        let problem = format!("cannot be {what}: {error}");
        let remedy = "see to its folder's permissions and the disk";
        Error::spool(&self.path, (problem, remedy), Some(error.into()))
    }
}

impl Counted {
    fn update(&mut self, path: &Path) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        let is_same = (self.device, self.inode) == (found.dev(), found.ino());
        if is_same && self.bytes == found.len() {
            return Ok(());
        }
        if !found.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if !is_same || found.len() < self.bytes {
            *self = Counted {
                device: found.dev(),
                inode: found.ino(),
                bytes: 0,
                lines: 0,
            };
        }
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.bytes))?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = file.read(&mut buffer)?;
            let Some(read) = buffer.get(..read).filter(|read| !read.is_empty()) else {
                return Ok(());
            };
            self.bytes += read.len() as u64;
            self.lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    }
}
