//! Messages that are held back while a full-screen display has the terminal.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;

use crate::lock::lock;

/// Bytes of messages that are held.
const MOST: usize = 1 << 20;

static HELD: Mutex<Option<Messages>> = Mutex::new(None);

#[derive(Default)]
struct Messages {
    texts: VecDeque<String>,
    bytes: usize,
    /// How many had no room.
    dropped: u64,
    latest: Option<String>,
}

/// Holds messages back until it is dropped, unless standard error is no terminal.
#[must_use]
pub struct Hold;

pub fn hold() -> Hold {
    if io::stderr().is_terminal() {
        *lock(&HELD) = Some(Messages::default());
    }
    Hold
}

/// The last message that was held back.
pub fn latest() -> Option<String> {
    lock(&HELD).as_ref()?.latest.clone()
}

/// Whether a message is held back, and need not be written now.
pub(super) fn takes(text: &str) -> bool {
    let mut held = lock(&HELD);
    let Some(messages) = held.as_mut() else {
        return false;
    };
    let latest = text.strip_prefix("falco-client: ").unwrap_or(text);
    messages.latest = Some(latest.chars().take(500).collect());
    if messages.bytes + text.len() > MOST {
        messages.dropped += 1;
    } else {
        messages.bytes += text.len();
        messages.texts.push_back(text.to_owned());
    }
    true
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(messages) = lock(&HELD).take() else {
            return;
        };
        let mut stderr = io::stderr().lock();
        for text in messages.texts {
            let _ = writeln!(stderr, "{text}");
        }
        if messages.dropped > 0 {
            let dropped = messages.dropped;
            let _ = writeln!(
                stderr,
                "falco-client: {dropped} more messages were left out"
            );
        }
    }
}
