//! The file of a unix socket.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use super::{Finding, Step};
use crate::error::Problem;

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
        Err((problem, _)) => {
            let problem = match whose {
                Some(whose) => problem.because(format_args!("it is of {whose}")),
                None => problem,
            };
            Err(Finding::failed(Step::Socket, problem.of(path.display())))
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

/// Whether something listens on the socket, which C-core does not tell apart well.
pub(crate) fn look_at_socket(path: &Path) -> Result<(), (Problem, Option<io::Error>)> {
    match std::fs::metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err((
            Problem::fixed(
                "this is not a socket",
                "give the path in Falco's grpc.bind_address. Falco 0.44 and later have no gRPC",
            ),
            None,
        )),
        found => match found.and_then(|_| probe(path)) {
            Ok(()) => Ok(()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Err((
                    Problem::fixed(
                        "no such socket",
                        "see whether Falco is running with grpc.enabled and this \
                         grpc.bind_address. Before 0.33 the default was \
                         unix:///var/run/falco.sock; Falco 0.44 and later have no gRPC",
                    ),
                    Some(error),
                )),
                io::ErrorKind::PermissionDenied => Err((
                    Problem::fixed(
                        "permission denied",
                        "run as a user who may write the socket, usually root, or give this one \
                         the right to",
                    ),
                    Some(error),
                )),
                io::ErrorKind::ConnectionRefused => Err((
                    Problem::fixed(
                        "nothing listens on this socket",
                        "see whether Falco is running, the file may be left from one that ended",
                    ),
                    Some(error),
                )),
                _ => Ok(()),
            },
        },
    }
}

/// Whether a socket file has someone behind it, without a connection: one would wait while the
/// other side's backlog is full, and be one more in it.
///
/// A datagram socket cannot be connected to a stream socket that is there, which the system
/// says only after it has found it and the permission to write it.
pub(crate) fn probe(path: &Path) -> io::Result<()> {
    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if refuses(&error) => Err(error),
        _ => Ok(()),
    }
}

fn refuses(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    matches!(
        error.kind(),
        ConnectionRefused | NotFound | PermissionDenied
    )
}
