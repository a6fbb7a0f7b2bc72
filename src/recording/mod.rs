//! Recordings of alerts, for the [embedded Falco](crate::server) and for tests.
//!
//! Two forms are read, each as the messages that gRPC would carry:
//!
//! - `.pb`: each message after its length as a varint, as rust-protobuf's and other libraries'
//!   "delimited" functions write them;
//! - anything else: Falco's own JSON, one alert a line, as `file_output` writes it with
//!   `json_output: true`; or as container runtimes, syslog or journald keep these lines, which is
//!   found out as it is for an endpoint `file:///path`.

mod lines;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::{Cause, Error, Problem, Result};
use lines::RecordedLines;

/// No alert is that long: a file with such a length is no recording.
const LONGEST: u64 = 1 << 30;

/// What is set aside for a message before its bytes are seen.
const AT_FIRST: usize = 1 << 20;

/// Reads a recording from a file, message by message. A file `*.pb` holds messages, any other file lines of
/// JSON.
///
/// # Errors
///
/// [`Error::Recording`] when the file cannot be opened or, as an item of the iterator, where it
/// cannot be read on: it is cut in the middle of a message, a line is no alert, a length exceeds
/// 1 GiB. What comes before it is read, and the iterator ends after an error.
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
    Ok(match path.extension() {
        Some(extension) if extension == "pb" => Recording::messages(path, input),
        _ => Recording::lines(path, input),
    })
}

/// As [`read`], from the contents of a `.pb` file.
pub fn read_messages(bytes: &[u8]) -> impl Iterator<Item = Result<Vec<u8>>> + Send + '_ {
    Recording::messages(Path::new("in memory"), bytes)
}

/// As [`read`], from lines of Falco's JSON.
pub fn read_lines(text: &str) -> impl Iterator<Item = Result<Vec<u8>>> + Send + '_ {
    Recording::lines(Path::new("in memory"), text.as_bytes())
}

struct Recording<R> {
    path: PathBuf,
    form: RecordingInput<R>,
    ended: bool,
}

enum RecordingInput<R> {
    Messages(Messages<R>),
    Lines(RecordedLines<R>),
}

/// Messages after their lengths.
struct Messages<R> {
    input: R,
    /// The bytes read so far.
    offset: u64,
    /// The messages read so far.
    number: u64,
}

/// What is wrong, without where.
struct Unreadable(Problem, Option<Cause>);

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Unreadable {
        let problem = Problem::alone(format!("cannot be read: {error}"));
        Unreadable(problem, Some(error.into()))
    }
}

impl<R: BufRead> Messages<R> {
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
}

fn no_alert(how: &str, cause: Option<Cause>) -> Unreadable {
    let problem = format!("is no alert in Falco's JSON: {how}");
    Unreadable(Problem::alone(problem), cause)
}

fn cut(how: &str) -> Unreadable {
    let problem = format!("is cut in the middle: {how}");
    Unreadable((problem, "copy the recording again").into(), None)
}

impl<R: BufRead> Recording<R> {
    fn messages(path: &Path, input: R) -> Recording<R> {
        Recording {
            path: path.to_owned(),
            form: RecordingInput::Messages(Messages {
                input,
                offset: 0,
                number: 0,
            }),
            ended: false,
        }
    }

    fn lines(path: &Path, input: R) -> Recording<R> {
        Recording {
            path: path.to_owned(),
            form: RecordingInput::Lines(RecordedLines::new(input)),
            ended: false,
        }
    }
}

impl<R: BufRead> Iterator for Recording<R> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = match &mut self.form {
            RecordingInput::Messages(messages) => {
                let (number, offset) = (messages.number + 1, messages.offset);
                let place = || format!("message {number}, at byte {offset},");
                messages.message().map_err(|problem| (place(), problem))
            }
            RecordingInput::Lines(lines) => {
                let read = lines.message();
                read.map_err(|problem| (format!("line {}", lines.number()), problem))
            }
        };
        self.ended = !matches!(read, Ok(Some(_)));
        read.map_err(|(place, Unreadable(problem, source))| {
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
