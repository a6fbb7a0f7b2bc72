//! The file that alerts are kept in.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use falco_client::Alert;

use crate::diagnostics::{report_bytes, Failure};

/// A file to which the alerts that were read are appended.
pub struct Keep {
    name: String,
    file: BufWriter<File>,
}

impl Keep {
    pub fn open(path: &Path) -> Result<Keep, Failure> {
        let name = path.display().to_string();
        match OpenOptions::new().append(true).create(true).open(path) {
            Ok(file) => Ok(Keep {
                name,
                file: BufWriter::new(file),
            }),
            Err(source) => Err(Failure::Os { what: name, source }),
        }
    }

    pub fn write(&mut self, alert: &Alert) -> Result<(), Failure> {
        let line = alert.falco_json().write_to(&mut self.file);
        let line = line.and_then(|()| self.file.write_all(b"\n"));
        line.map_err(|source| {
            report_bytes(alert.as_bytes());
            self.failure(source)
        })
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|source| self.failure(source))
    }

    fn failure(&self, source: io::Error) -> Failure {
        let what = self.name.clone();
        Failure::Os { what, source }
    }
}
