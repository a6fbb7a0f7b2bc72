//! Lines of Falco's JSON, alone or as others have wrapped them.

use std::io::{BufRead, Read};

use super::{cut, no_alert, Unreadable, LONGEST};
use crate::alert::Alert;
use crate::error::Error;
use crate::source::lines::envelope::{Unwrapped, Unwrapper};
use crate::source::lines::split::Line;

const NOTHING: &str = "it has neither rule nor output";

pub(super) struct RecordedLines<R> {
    input: R,
    unwrapper: Unwrapper<()>,
    /// The lines read so far.
    number: u64,
    ended: bool,
    has_alerts: bool,
    /// The first line that is of no known kind.
    unknown: Option<(u64, Vec<u8>)>,
}

impl<R: BufRead> RecordedLines<R> {
    pub(super) fn new(input: R) -> RecordedLines<R> {
        let most = usize::try_from(LONGEST).unwrap_or(usize::MAX);
        RecordedLines {
            input,
            unwrapper: Unwrapper::new(message, most, ()),
            number: 0,
            ended: false,
            has_alerts: false,
            unknown: None,
        }
    }

    /// The line of which the last message or problem is.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next alert's message.
    pub(super) fn message(&mut self) -> Result<Option<Vec<u8>>, Unreadable> {
        loop {
            while let Some((outcome, _)) = self.unwrapper.pop() {
                if let Some(message) = self.outcome(outcome)? {
                    return Ok(Some(message));
                }
            }
            match self.ended {
                true => return self.end(),
                false => self.push()?,
            }
        }
    }

    /// Reads a line.
    fn push(&mut self) -> Result<(), Unreadable> {
        self.skip_hole()?;
        let mut line = Vec::new();
        let mut input = self.input.by_ref().take(LONGEST + 1);
        let read = input.read_until(b'\n', &mut line)? as u64;
        self.number += u64::from(read > 0);
        if read > LONGEST {
            return Err(too_long(read));
        }
        self.ended = read == 0;
        if self.ended {
            self.unwrapper.finish();
        }
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        for piece in line.split(|&byte| byte == 0) {
            self.unwrapper.push(Line::Whole(piece.to_vec()), (), ());
        }
        Ok(())
    }

    /// A file that was truncated may have a hole, which may be of any size.
    fn skip_hole(&mut self) -> Result<(), Unreadable> {
        loop {
            let buffer = self.input.fill_buf()?;
            let hole = buffer.iter().take_while(|&&byte| byte == 0).count();
            if hole == 0 {
                return Ok(());
            }
            self.input.consume(hole);
        }
    }

    fn outcome(&mut self, outcome: Unwrapped) -> Result<Option<Vec<u8>>, Unreadable> {
        match outcome {
            Unwrapped::Alert(message) => {
                self.has_alerts = true;
                return Ok(Some(message));
            }
            Unwrapped::Damaged { text, .. } | Unwrapped::Text(text) => {
                return Err(described(&text))
            }
            Unwrapped::TooLong(bytes) => return Err(too_long(bytes)),
            Unwrapped::Unknown(text) => {
                self.unknown.get_or_insert((self.number, text));
            }
            Unwrapped::Skipped(_) | Unwrapped::Found(_) => {}
        }
        Ok(None)
    }

    /// Lines without any alert among them are none of Falco's.
    fn end(&mut self) -> Result<Option<Vec<u8>>, Unreadable> {
        match self.unknown.take().filter(|_| !self.has_alerts) {
            None => Ok(None),
            Some((number, text)) => {
                self.number = number;
                Err(described(&text))
            }
        }
    }
}

/// What Falco would have sent over gRPC of an alert without `json_output`.
fn message(text: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let alert = Alert::from_json(text).map_err(|error| error.to_string())?;
    // Every key may be missing, but an object of others is not meant.
    match alert.rule().is_empty() && alert.output().is_empty() && alert.fields().len() == 0 {
        true => Err(NOTHING.to_owned()),
        false => Ok(alert.into_bytes()),
    }
}

/// What is wrong with a text that is no alert.
fn described(text: &[u8]) -> Unreadable {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => return no_alert(&error.to_string(), Some(error.into())),
    };
    match Alert::from_json(text) {
        Err(Error::Json { source }) if source.is_eof() => cut("it ends too early"),
        Err(Error::Json { source }) => no_alert(&source.to_string(), Some(source.into())),
        Err(error) => no_alert(&error.to_string(), Some(error.into())),
        Ok(_) => no_alert(NOTHING, None),
    }
}

fn too_long(bytes: u64) -> Unreadable {
    no_alert(
        &format!("it has {bytes} bytes, and 1 GiB is the most"),
        None,
    )
}
