//! The command on a terminal: a pseudo-terminal of this process.

#![allow(dead_code, reason = "each binary needs a part of it")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::termios::{tcsetwinsize, Winsize};

use crate::child::{signal, watchdog};

/// Only ever waited out by a test that fails.
const TOO_LONG: Duration = Duration::from_secs(60);

/// How often it looks whether it hangs up.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// A child whose standard streams are a terminal.
pub struct Terminal {
    child: Child,
    master: File,
    hangs_up: Arc<AtomicBool>,
    output: Receiver<Vec<u8>>,
    shown: Vec<u8>,
    _watchdog: Sender<()>,
}

impl Terminal {
    pub fn spawn(mut command: Command, columns: u16, rows: u16) -> Terminal {
        // Another test's child must not hold it open.
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let pty = posix_openpt(flags).unwrap();
        grantpt(&pty).unwrap();
        unlockpt(&pty).unwrap();
        let name = ptsname_r(&pty).unwrap();
        let open = || {
            let mut options = File::options();
            options.read(true).write(true);
            options.custom_flags(OFlag::O_NOCTTY.bits());
            options.open(&name).unwrap()
        };
        let slave = open();
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&slave, size).unwrap();
        command.env("TERM", "xterm-256color");
        command.stdin(open()).stdout(open()).stderr(open());
        let child = command.spawn().unwrap();
        // The command holds the other end as well, which would never be closed.
        drop(command);
        drop(slave);
        let master = File::from(fcntl_dupfd_cloexec(&pty, 0).unwrap());
        let mut reader = master.try_clone().unwrap();
        drop(pty);
        let hangs_up = Arc::new(AtomicBool::new(false));
        let stop = hangs_up.clone();
        let (send, output) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !stop.load(Ordering::Relaxed) {
                let mut ready = [PollFd::new(&reader, PollFlags::IN)];
                if poll(&mut ready, Some(&LOOK)) == Ok(0) {
                    continue;
                }
                // When the child has gone it is an error on Linux, and the end elsewhere.
                let Ok(count @ 1..) = reader.read(&mut buffer) else {
                    break;
                };
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let _watchdog = watchdog(child.id());
        Terminal {
            child,
            master,
            hangs_up,
            output,
            shown: Vec::new(),
            _watchdog,
        }
    }

    /// Waits until something is shown, and forgets what came before it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let begin = Instant::now();
        loop {
            let shown = String::from_utf8_lossy(&self.shown);
            if let Some(at) = shown.find(text) {
                self.shown = shown[at + text.len()..].as_bytes().to_vec();
                return;
            }
            let left = TOO_LONG.saturating_sub(begin.elapsed());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.shown.extend(bytes),
                Err(_) => {
                    let last = shown.chars().rev().take(2000).collect::<Vec<_>>();
                    let last: String = last.into_iter().rev().collect();
                    panic!("{text:?} is not in …{last:?}");
                }
            }
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Closes the terminal, as a window is closed.
    pub fn hang_up(&mut self) {
        self.hangs_up.store(true, Ordering::Relaxed);
        self.master = File::open("/dev/null").unwrap();
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Its status, and all that was shown and not waited for.
    pub fn end(mut self) -> (ExitStatus, String) {
        let mut shown = std::mem::take(&mut self.shown);
        while let Ok(bytes) = self.output.recv() {
            shown.extend(bytes);
        }
        let status = self.child.wait().unwrap();
        let shown = String::from_utf8_lossy(&shown).replace('\r', "");
        (status, shown)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
