//! An alert of the spool as a line of Falco's own JSON.

use super::label;
use super::spool::Entry;
use crate::alert::Alert;
use crate::error::Result;

/// The line, as Falco wrote it where it came as one. With `labelled` it names its source.
///
/// # Errors
///
/// For a message that is no alert.
pub(super) fn json_line(entry: &Entry, labelled: bool) -> Result<String> {
    let alert = Alert::read(entry.bytes.to_vec(), entry.format)?;
    let line = alert.falco_json().to_string();
    Ok(match labelled {
        true => label::line(&line, &entry.source).into_owned(),
        false => line,
    })
}
