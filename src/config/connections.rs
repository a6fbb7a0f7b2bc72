//! The default number of connections where alerts are posted.

use rustix::process::{getrlimit, Resource};

/// Each has a thread, and takes about 60 KiB.
const MOST: u64 = 4096;

/// Half of the files that the process may have open: the rest is for what else it does.
pub(super) fn default_connections() -> usize {
    within(getrlimit(Resource::Nofile).current)
}

/// None is no limit.
fn within(files: Option<u64>) -> usize {
    let connections = files.map_or(MOST, |files| files / 2).clamp(1, MOST);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_half_of_the_open_files_up_to_a_cap() {
        assert_eq!(within(Some(1024)), 512);
        assert_eq!(within(Some(1_048_576)), 4096);
        assert_eq!(within(None), 4096);
        assert_eq!(within(Some(0)), 1);
    }
}
