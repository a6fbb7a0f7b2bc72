//! C-core's log goes to `log`.

/// Sends C-core's log to `log`, at the level that `log` has now.
///
/// With logging off C-core would fall back to printing errors on standard error; it is
/// told of the lowest level instead, and `log` drops what comes.
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
