//! Standard output, where the data goes.

mod closed;
mod format;
pub mod style;
mod text;

use std::io::{self, StdoutLock, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::diagnostics::Failure;
pub use format::{OutputFormat, Printer};
pub use style::{colour_is_welcome, Style};
pub use text::wrap::Wrapped;
pub use text::{message, Screen};

/// Large enough that many alerts share a write.
const BUFFER: usize = 64 * 1024;

/// Standard output behind a buffer, with the number of alerts that were written to it.
pub struct Output {
    stdout: StdoutLock<'static>,
    buffer: Vec<u8>,
    /// Alerts that end in the buffer.
    pending: u64,
    printed: Arc<AtomicU64>,
}

impl Output {
    /// # Errors
    ///
    /// Where standard output is closed. Nothing must be read then, as it could not be printed.
    pub fn open() -> Result<Output, Failure> {
        require_stdout()?;
        Ok(Output {
            stdout: io::stdout().lock(),
            buffer: Vec::with_capacity(BUFFER),
            pending: 0,
            printed: Arc::default(),
        })
    }

    /// How many alerts were printed, at any time.
    pub fn printed(&self) -> Arc<AtomicU64> {
        self.printed.clone()
    }

    /// How many alerts were printed so far.
    pub fn count(&self) -> u64 {
        self.printed.load(Ordering::Relaxed)
    }

    /// An alert is complete, printed or held back.
    pub fn alert_ends(&mut self) {
        self.pending += 1;
    }

    /// Lets a reader see all that was written so far.
    pub fn show(&mut self) -> Result<(), Failure> {
        self.flush().map_err(Failure::stdout)
    }
}

/// How wide the terminal is now.
pub fn columns() -> usize {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).max(20),
        // A serial line, for example, has no size.
        _ => 80,
    }
}

/// # Errors
///
/// Where standard output is closed.
pub fn require_stdout() -> Result<(), Failure> {
    match closed::was_closed() {
        true => Err(Failure::Os {
            what: "standard output".to_owned(),
            source: io::Error::other("it is closed; redirect it to a file or to /dev/null"),
        }),
        false => Ok(()),
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            return self.stdout.write(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.write_all(&self.buffer)?;
        self.buffer.clear();
        self.stdout.flush()?;
        let pending = std::mem::take(&mut self.pending);
        self.printed.fetch_add(pending, Ordering::Relaxed);
        Ok(())
    }
}
