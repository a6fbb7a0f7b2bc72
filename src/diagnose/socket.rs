//! Probes a unix socket, without connecting to it.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use super::{Finding, Step};
use crate::error::Problem;

/// Its kind, owner and permissions, and whether something listens.
pub(super) fn probe(path: &Path) -> Result<Finding, Finding> {
    let metadata = fs::metadata(path);
    let owner = metadata.as_ref().ok().map(owner);
    match is_listening(path) {
        Ok(()) => {
            let owner = owner.map_or_else(String::new, |owner| format!(" of {owner}"));
            Ok(Finding::ok(
                Step::Socket,
                format!("a socket{owner}, which this user may write to and something listens on"),
            ))
        }
        Err((problem, _)) => {
            let problem = match owner {
                Some(owner) => problem.because(format_args!("it is of {owner}")),
                None => problem,
            };
            Err(Finding::failed(Step::Socket, problem.of(path.display())))
        }
    }
}

fn owner(metadata: &Metadata) -> String {
    let (user, group) = (metadata.uid(), metadata.gid());
    format!(
        "{}:{}, mode {:04o}",
        name("/etc/passwd", user),
        name("/etc/group", group),
        metadata.mode() & 0o7777
    )
}

/// The name of a user or group, if the local files have it.
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

/// Whether something listens on the socket, with the reasons that C-core does not tell apart.
pub(crate) fn is_listening(path: &Path) -> Result<(), (Problem, Option<io::Error>)> {
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => Err((
            Problem::fixed(
                "this is not a socket",
                "give the path in Falco's grpc.bind_address. Falco 0.44 and later have no gRPC",
            ),
            None,
        )),
        metadata => match metadata.and_then(|_| connectable(path)) {
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
                        "see whether Falco is running; the file may be left over from one that ended",
                    ),
                    Some(error),
                )),
                _ => Ok(()),
            },
        },
    }
}

/// Whether a socket file has a listener, without a connection: that would wait while the listener's
/// backlog is full, and take a place in it.
///
/// A datagram socket cannot connect to a stream socket. The system reports that only after it has
/// found a listener, and the permission to write.
pub(crate) fn connectable(path: &Path) -> io::Result<()> {
    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if is_refused(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_refused(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    matches!(
        error.kind(),
        ConnectionRefused | NotFound | PermissionDenied
    )
}
