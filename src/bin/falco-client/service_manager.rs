//! Notifies systemd of the state of the command (`Type=notify`, `WatchdogSec`). Elsewhere it does nothing.

use std::time::Duration;

#[cfg(target_os = "linux")]
use sd_notify::NotifyState;

/// It reads alerts, or listens for them.
pub fn ready() {
    #[cfg(target_os = "linux")]
    notify(&[NotifyState::Ready]);
}

/// It ends, which may take a while.
pub fn stopping() {
    #[cfg(target_os = "linux")]
    notify(&[NotifyState::Stopping]);
}

/// It still works. `status` is what `systemctl status` shows.
pub fn alive(status: &str) {
    #[cfg(target_os = "linux")]
    notify(&[NotifyState::Watchdog, NotifyState::Status(status)]);
    #[cfg(not(target_os = "linux"))]
    let _ = status;
}

/// How often systemd is to be told that the command lives. None where it does not ask.
pub fn pause_between_signs() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return sd_notify::watchdog_enabled().map(|limit| limit / 3);
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(target_os = "linux")]
fn notify(state: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        log::warn!("systemd cannot be told how the command is: {error}");
    }
}
