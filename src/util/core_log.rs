//! The log of C-core.

/// Redirects C-core's log to the crate `log`, at the level that is set there now.
///
/// With logging off, C-core would print errors to standard error: it is given the level Error instead,
/// and `log` drops its records.
pub(crate) fn redirect() {
    let off = log::max_level() == log::LevelFilter::Off;
    if off {
        log::set_max_level(log::LevelFilter::Error);
    }
    grpcio::redirect_log();
    if off && log::max_level() == log::LevelFilter::Error {
        log::set_max_level(log::LevelFilter::Off);
    }
}
