//! An alert of the spool as Falco's own JSON line.

use super::label;
use super::spool::Entry;
use crate::alert::Alert;
use crate::error::Error;
use crate::util::hex::Hex;

/// The line: as Falco wrote it where it came as one. None for a message that is no alert, whose bytes
/// are logged, as nobody else has them any more.
pub(super) fn line(entry: &Entry, labelled: bool) -> Option<String> {
    let alert = match Alert::read(entry.bytes.to_vec(), entry.format) {
        Ok(alert) => alert,
        Err(error) => {
            let bytes = match &error {
                Error::Undecodable { bytes, .. } => Hex(bytes).to_string(),
                _ => String::new(),
            };
            log::error!("{}: {error}: {bytes}", entry.source);
            return None;
        }
    };
    let line = alert.falco_json().to_string();
    match labelled {
        true => Some(label::line(&line, &entry.source).into_owned()),
        false => Some(line),
    }
}
