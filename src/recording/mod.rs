//! Recordings of alerts, for the [embedded Falco](crate::server) and for tests.
//!
//! Two forms are read, each as the messages that gRPC would carry:
//!
//! - `.pb`: each message after its length as a varint, as rust-protobuf's and other libraries'
//!   "delimited" functions write them;
//! - anything else: Falco's own JSON, one alert a line, as `file_output` writes it with
//!   `json_output: true`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::alert::Alert;
use crate::error::{Cause, Error, Problem, Result};

/// No alert is that long; such a length is read from what is no recording.
const LONGEST: u64 = 1 << 30;

/// What is set aside for a message before its bytes are seen.
const AT_FIRST: usize = 1 << 20;

/// Reads a recording from a file, message by message. A name that ends in `.pb` tells its form.
///
/// # Errors
///
/// [`Error::Recording`] when the file cannot be opened or, as an item of the iterator, where it
/// cannot be read on: it is cut in the middle of a message, a line is no alert, a length exceeds
/// 1 GiB. What stands before comes first, and the iterator ends after an error.
pub fn read(path: &Path) -> Result<impl Iterator<Item = Result<Vec<u8>>> + Send> {
    let open = || {
        let file = File::open(path)?;
        // A folder can be opened, too.
        match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(BufReader::new(file)),
        }
    };
    let input = open().map_err(|error: io::Error| {
        let problem = format!("cannot be opened: {error}");
        let problem = (problem, "give a file of messages (*.pb) or JSON lines");
        Error::recording(path, problem, Some(error.into()))
    })?;
    let form = match path.extension() {
        Some(extension) if extension == "pb" => Form::Messages,
        _ => Form::Lines,
    };
    Ok(Recording::new(path, form, input))
}

/// As [`read`], from the contents of a `.pb` file.
pub fn read_messages(bytes: &[u8]) -> impl Iterator<Item = Result<Vec<u8>>> + Send + '_ {
    Recording::new(Path::new("in memory"), Form::Messages, bytes)
}

/// As [`read`], from lines of Falco's JSON.
pub fn read_lines(text: &str) -> impl Iterator<Item = Result<Vec<u8>>> + Send + '_ {
    Recording::new(Path::new("in memory"), Form::Lines, text.as_bytes())
}

enum Form {
    Messages,
    Lines,
}

struct Recording<R> {
    path: PathBuf,
    form: Form,
    input: R,
    /// The bytes read so far.
    offset: u64,
    /// The messages or lines read so far.
    number: u64,
    ended: bool,
}

/// What is wrong, without where.
struct Unreadable(Problem, Option<Cause>);

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Unreadable {
        let problem = Problem::alone(format!("cannot be read: {error}"));
        Unreadable(problem, Some(error.into()))
    }
}

impl<R: BufRead> Recording<R> {
    fn new(path: &Path, form: Form, input: R) -> Recording<R> {
        Recording {
            path: path.to_owned(),
            form,
            input,
            offset: 0,
            number: 0,
            ended: false,
        }
    }

    fn message(&mut self) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        if length > LONGEST {
            let problem = format!(
                "has a length of {length} bytes: more than 1 GiB is no alert, so this is no recording \
                 of messages, or a damaged one"
            );
            return Err(Unreadable(Problem::alone(problem), None));
        }
        self.number += 1;
        let mut message = Vec::with_capacity((length as usize).min(AT_FIRST));
        self.offset += self.input.by_ref().take(length).read_to_end(&mut message)? as u64;
        match message.len() as u64 == length {
            true => Ok(Some(message)),
            false => Err(cut(&format!(
                "{} of {length} bytes are there",
                message.len()
            ))),
        }
    }

    /// The varint before a message, or `None` at the end.
    fn length(&mut self) -> Result<Option<u64>, Unreadable> {
        let mut length = 0;
        for shift in (0..).step_by(7) {
            let Some(&byte) = self.input.fill_buf()?.first() else {
                return if shift == 0 {
                    Ok(None)
                } else {
                    Err(cut("its length is not complete"))
                };
            };
            self.input.consume(1);
            self.offset += 1;
            length |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(Some(length));
            }
            // Five bytes hold what is allowed, and more.
            if shift == 28 {
                break;
            }
        }
        Ok(Some(u64::MAX))
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, Unreadable> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self
                .input
                .by_ref()
                .take(LONGEST)
                .read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            self.offset += read as u64;
            self.number += 1;
            if !line.trim_ascii().is_empty() {
                break;
            }
        }
        let text = std::str::from_utf8(&line)
            .map_err(|error| no_alert(&error.to_string(), error.into()))?;
        match Alert::from_json(text) {
            Ok(alert) => Ok(Some(alert.into_bytes())),
            Err(Error::Json { source }) if source.is_eof() => Err(cut("it ends too early")),
            Err(Error::Json { source }) => Err(no_alert(&source.to_string(), source.into())),
            Err(error) => Err(no_alert(&error.to_string(), error.into())),
        }
    }
}

fn no_alert(how: &str, cause: Cause) -> Unreadable {
    let problem = format!("is no alert in Falco's JSON: {how}");
    Unreadable(Problem::alone(problem), Some(cause))
}

fn cut(how: &str) -> Unreadable {
    let problem = format!("is cut in the middle: {how}");
    Unreadable((problem, "copy the recording again").into(), None)
}

impl<R: BufRead> Iterator for Recording<R> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let (start, before) = (self.offset, self.number);
        let read = match self.form {
            Form::Messages => self.message(),
            Form::Lines => self.line(),
        };
        self.ended = !matches!(read, Ok(Some(_)));
        read.map_err(|Unreadable(problem, source)| {
            let place = match self.form {
                Form::Messages => format!("message {}, at byte {start},", before + 1),
                Form::Lines => format!("line {}", self.number.max(before + 1)),
            };
            let problem = Problem {
                text: format!("{place} {}", problem.text).into(),
                ..problem
            };
            Error::recording(&self.path, problem, source)
        })
        .transpose()
    }
}

#[cfg(test)]
mod tests;
