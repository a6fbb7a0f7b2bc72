//! The body of a request: one alert, or a batch of them.

use std::io::Write as _;

use flate2::write::GzEncoder;
use flate2::Compression;

use super::super::batching::BatchFormat;
use crate::relay::deliver::{Failure, Reason, RefusedAlert};
use crate::relay::json_line::json_line;
use crate::relay::spool::Entry;

pub(super) struct RequestBody {
    /// None for a single alert, as Falco's `http_output` sends it.
    format: Option<BatchFormat>,
    text: Vec<u8>,
    /// How many alerts of the spool it accounts for, and those of them that have no JSON.
    pub handled: usize,
    pub refused: Vec<RefusedAlert>,
    /// The numbers of those that are in it.
    pub numbers: Vec<u64>,
}

impl RequestBody {
    /// The first alerts of a batch, as many as fit in `most_bytes`: at least one.
    pub(super) fn new(
        batch: &[Entry],
        most_bytes: usize,
        format: Option<BatchFormat>,
        labelled: bool,
    ) -> RequestBody {
        let mut body = RequestBody {
            format,
            text: Vec::new(),
            handled: 0,
            refused: Vec::new(),
            numbers: Vec::new(),
        };
        for entry in batch {
            let number = entry.number;
            match json_line(entry, labelled) {
                Ok(line) => {
                    let is_first = body.numbers.is_empty();
                    if !is_first && body.text.len() + line.len() + 2 > most_bytes {
                        break;
                    }
                    body.add(&line);
                    body.numbers.push(number);
                }
                Err(error) => body.refused.push(RefusedAlert {
                    number,
                    reason: Reason::NoAlert(error),
                }),
            }
            body.handled += 1;
        }
        if body.format == Some(BatchFormat::Array) {
            body.text.push(b']');
        }
        body
    }

    fn add(&mut self, line: &str) {
        let is_first = self.numbers.is_empty();
        match self.format {
            Some(BatchFormat::Array) => self.text.push(if is_first { b'[' } else { b',' }),
            Some(BatchFormat::Lines) | None => {}
        }
        self.text.extend_from_slice(line.as_bytes());
        match self.format {
            Some(BatchFormat::Lines) => self.text.push(b'\n'),
            Some(BatchFormat::Array) | None => {}
        }
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self.format {
            Some(BatchFormat::Lines) => "application/x-ndjson",
            Some(BatchFormat::Array) | None => "application/json",
        }
    }

    /// Its length before it is compressed.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn into_bytes(self, gzip: bool) -> Result<Vec<u8>, Failure> {
        if !gzip {
            return Ok(self.text);
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder
            .write_all(&self.text)
            .and_then(|()| encoder.finish());
        packed.map_err(|error| Failure::new(format!("cannot be compressed: {error}")))
    }
}
