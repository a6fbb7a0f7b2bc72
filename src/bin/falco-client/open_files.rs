//! How many files the command may have open: each connection is one.

use rustix::process::{getrlimit, setrlimit, Resource};

/// Raises the limit as far as the system lets it. A shell's is often 1,024, for programs that use
/// `select`, which this one does not.
pub fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // macOS refuses more than it has for a process: then the limit stays.
    let _ = setrlimit(Resource::Nofile, limit);
}
