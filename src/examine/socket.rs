//! The file of a unix socket.

use std::fs::{self, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Finding, Step};
use crate::failure::look_at_socket;

/// Kind, owner and permission, and whether something listens.
pub(super) fn look(path: &Path) -> Result<Finding, Finding> {
    let metadata = fs::metadata(path);
    let whose = metadata.as_ref().ok().map(whose);
    match look_at_socket(path) {
        Ok(()) => {
            let whose = whose.map_or_else(String::new, |whose| format!(" of {whose}"));
            Ok(Finding::ok(
                Step::Socket,
                format!("a socket{whose}, that this user may write and something listens on"),
            ))
        }
        Err((text, _)) => {
            let whose = whose.map_or_else(String::new, |whose| format!(" (it is of {whose})"));
            let (found, remedy) = text.split_once("; ").unwrap_or((text, ""));
            let text = format!("{}: {found}{whose}; {remedy}", path.display());
            Err(Finding::failed(Step::Socket, &text))
        }
    }
}

fn whose(metadata: &Metadata) -> String {
    let (user, group) = (metadata.uid(), metadata.gid());
    format!(
        "{}:{}, mode {:04o}",
        name("/etc/passwd", user),
        name("/etc/group", group),
        metadata.mode() & 0o7777
    )
}

/// The name of a user or group, where the local files know it.
fn name(file: &str, id: u32) -> String {
    const LARGEST: u64 = 1 << 20;
    let mut text = Vec::new();
    let read = fs::File::open(file).and_then(|file| file.take(LARGEST).read_to_end(&mut text));
    let wanted = id.to_string();
    let text = String::from_utf8_lossy(&text);
    let named = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == wanted).then_some(name)
    });
    match (read, named) {
        (Ok(_), Some(name)) => name.to_owned(),
        _ => wanted,
    }
}
