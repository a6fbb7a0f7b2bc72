//! Standard output, where the data goes.

mod format;
mod text;

use std::io::{self, StdoutLock, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::diagnostics::Failure;
pub use format::{Format, Printer};

/// Large enough that many alerts share a write.
const BUFFER: usize = 64 * 1024;

/// Standard output behind a buffer, which knows how many alerts have left it.
pub struct Output {
    stdout: StdoutLock<'static>,
    buffer: Vec<u8>,
    /// Alerts that end in the buffer.
    pending: u64,
    shown: Arc<AtomicU64>,
}

impl Output {
    pub fn new() -> Output {
        Output {
            stdout: io::stdout().lock(),
            buffer: Vec::with_capacity(BUFFER),
            pending: 0,
            shown: Arc::default(),
        }
    }

    /// How many alerts are out, as it will be at any time.
    pub fn shown(&self) -> Arc<AtomicU64> {
        self.shown.clone()
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
        self.shown.fetch_add(pending, Ordering::Relaxed);
        Ok(())
    }
}
