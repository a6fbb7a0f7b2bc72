//! Standard output, where the data goes.

use std::io::{self, BufWriter, StdoutLock, Write};

use crate::diagnostics::Failure;

/// Standard output behind a buffer large enough that many alerts share a write.
pub struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    pub fn new() -> Output {
        Output(BufWriter::with_capacity(64 * 1024, io::stdout().lock()))
    }

    /// Lets a reader see all that was written so far.
    pub fn show(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(Failure::stdout)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
