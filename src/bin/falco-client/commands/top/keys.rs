//! The keys that are pressed, read on a thread of their own.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEvent};
use rustix::event::{poll, PollFd, PollFlags};

/// Within it, all of what was typed has arrived.
const PATIENCE: Duration = Duration::from_millis(100);

/// Keys from now on. The end of it is that of the terminal.
pub fn read() -> io::Result<Receiver<KeyEvent>> {
    let terminal = match io::stdin().is_terminal() {
        true => Tty::Stdin(io::stdin()),
        // Alerts come from standard input.
        false => Tty::Opened(File::open("/dev/tty")?),
    };
    let (send, keys) = mpsc::channel();
    let run = move || {
        // What is wrong with it ends the channel.
        let _ = forward(&terminal, &send);
    };
    thread::Builder::new().name("keys".to_owned()).spawn(run)?;
    Ok(keys)
}

fn forward(terminal: &Tty, send: &Sender<KeyEvent>) -> io::Result<()> {
    loop {
        // crossterm reads a terminal that has gone again and again, so that it must not begin.
        let mut ready = [PollFd::new(terminal, PollFlags::IN)];
        match poll(&mut ready, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        if ready[0].revents() != PollFlags::IN {
            return Ok(());
        }
        while event::poll(PATIENCE)? {
            if let Event::Key(key) = event::read()? {
                if send.send(key).is_err() {
                    return Ok(());
                }
            }
        }
    }
}

enum Tty {
    Stdin(io::Stdin),
    Opened(File),
}

impl AsFd for Tty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Tty::Stdin(stdin) => stdin.as_fd(),
            Tty::Opened(file) => file.as_fd(),
        }
    }
}
