//! A lock on the file of dead letters, against the processes that write to it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{flock, FlockOperation, OFlags};
use rustix::io::Errno;

/// How long another process may keep it locked. It does so while it copies the file.
const PATIENCE: Duration = Duration::from_secs(5);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Opens and locks the file, for this user alone, until it is dropped. It is created if that is asked
/// for.
///
/// A path is given a new file when letters are removed, so the one that is locked has to be the one
/// that it names.
pub(super) fn open_locked(path: &Path, create: bool) -> io::Result<File> {
    let until = Instant::now() + PATIENCE;
    loop {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(create)
            .mode(0o600)
            // A pipe would block.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32)
            .open(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(&file, path) => {
                if found.permissions().mode() & 0o7777 != 0o600 {
                    file.set_permissions(Permissions::from_mode(0o600))?;
                }
                return Ok(file);
            }
            Ok(()) | Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < until => {
                thread::sleep(POLL_INTERVAL);
            }
            Ok(()) | Err(Errno::WOULDBLOCK) => {
                return Err(io::Error::other("another process keeps it locked"));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}
