//! The command on a terminal: a pseudo-terminal of this process.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{openpty, Winsize};

use crate::child::{signal, watchdog};

/// Only ever waited out by a test that fails.
const TOO_LONG: Duration = Duration::from_secs(60);

/// A child whose standard streams are a terminal.
pub struct Terminal {
    child: Child,
    output: Receiver<Vec<u8>>,
    shown: Vec<u8>,
    _watchdog: Sender<()>,
}

impl Terminal {
    pub fn spawn(mut command: Command, columns: u16, rows: u16) -> Terminal {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).unwrap();
        let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        command.env("TERM", "xterm-256color");
        command.stdin(end(&pty.slave)).stdout(end(&pty.slave));
        let child = command.stderr(end(&pty.slave)).spawn().unwrap();
        // The command holds the other end as well, which would never be closed.
        drop(command);
        drop(pty.slave);
        let mut reader = File::from(pty.master);
        let (send, output) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // When the child has gone it is an error on Linux, and the end elsewhere.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let _watchdog = watchdog(child.id());
        Terminal {
            child,
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
                Err(_) => panic!("{text:?} is not in {shown:?}"),
            }
        }
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
