//! Reports lines that are no alerts: once, and then they are counted.

use crate::error::Error;
use crate::source::text_alerts::TextAlerts;

/// After this many lines of no known kind, without an alert, the file is taken for none of Falco's.
const MANY: u64 = 100;

/// The lines of one source that are no alerts.
pub(super) struct UnknownLines {
    endpoint: String,
    /// Alerts have come, or the lines have been reported.
    is_known: bool,
    unknown: u64,
    first_unknown: Box<[u8]>,
    texts: TextAlerts,
}

impl UnknownLines {
    pub(super) fn new(endpoint: String) -> UnknownLines {
        UnknownLines {
            texts: TextAlerts::new(endpoint.clone()),
            endpoint,
            is_known: false,
            unknown: 0,
            first_unknown: Box::default(),
        }
    }

    /// An alert came.
    pub(super) fn alert(&mut self) {
        self.is_known = true;
    }

    /// A damaged line came. It has a remedy only as long as no alert came.
    pub(super) fn damaged(&mut self, text: Vec<u8>, problem: String) -> Error {
        let mut error = self.error(text.into(), problem);
        if self.is_known {
            if let Error::Undecodable { remedy, .. } = &mut error {
                *remedy = None;
            }
        }
        error
    }

    /// An alert came as text.
    pub(super) fn text(&mut self, line: Vec<u8>) -> Option<Error> {
        self.is_known = true;
        self.texts.take(&line)
    }

    /// A line of no known kind came.
    pub(super) fn unknown(&mut self, line: Vec<u8>) -> Option<Error> {
        self.passed_over(&line);
        if self.unknown == 0 {
            self.first_unknown = line.into();
        }
        self.unknown += 1;
        (self.unknown == MANY).then(|| self.end()).flatten()
    }

    /// A line came that is no alert, and not meant to be one.
    pub(super) fn passed_over(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        log::debug!("{}: passed over {line:?}", self.endpoint);
    }

    /// Reports how many alerts came as text since the last report.
    pub(super) fn flush(&mut self) {
        self.texts.flush();
    }

    /// The error of lines without alerts.
    pub(super) fn end(&mut self) -> Option<Error> {
        if self.is_known || self.unknown == 0 {
            return None;
        }
        self.is_known = true;
        let problem = match self.unknown {
            1 => "its only line is of no known kind".to_owned(),
            lines => format!("none of its {lines} lines is of a known kind, as the first"),
        };
        let first = std::mem::take(&mut self.first_unknown);
        Some(self.error(first, problem))
    }

    fn error(&self, line: Box<[u8]>, problem: String) -> Error {
        Error::not_json(&self.endpoint, line, problem)
    }
}
