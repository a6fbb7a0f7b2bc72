//! A file that was compressed after it was rotated.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::fingerprint::MARKED;

/// Reads what was compressed, from its beginning on.
pub(super) struct Gzip {
    decoder: MultiGzDecoder<BufReader<File>>,
    /// The last bytes that were read.
    last: Vec<u8>,
}

impl Gzip {
    pub(super) fn open(path: &Path) -> io::Result<Gzip> {
        Ok(Gzip {
            decoder: MultiGzDecoder::new(BufReader::new(File::open(path)?)),
            last: Vec::new(),
        })
    }

    /// Whether a file is compressed, by its first bytes.
    pub(super) fn is_one(file: &File) -> bool {
        let mut magic = [0; 2];
        file.read_exact_at(&mut magic, 0).is_ok() && magic == [0x1f, 0x8b]
    }

    /// Fills the buffer: with the last bytes that were read before, whose number it tells, and with
    /// what comes next, of that at most `most` bytes.
    pub(super) fn read<'a>(
        &mut self,
        buffer: &'a mut [u8],
        most: u64,
    ) -> io::Result<(usize, &'a [u8])> {
        let before = self.last.len();
        let end = before.saturating_add(usize::try_from(most).unwrap_or(usize::MAX));
        let end = end.min(buffer.len());
        if let Some(start) = buffer.get_mut(..before) {
            start.copy_from_slice(&self.last);
        }
        let mut filled = before;
        while let Some(room) = buffer.get_mut(filled..end).filter(|room| !room.is_empty()) {
            match self.decoder.read(room) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What came before it is given first.
                Err(_) if filled > before => break,
                Err(error) => return Err(error),
            }
        }
        let read = buffer.get(..filled).unwrap_or_default();
        let last = read.len().saturating_sub(MARKED);
        self.last = read.get(last..).unwrap_or_default().to_vec();
        Ok((before, read))
    }
}
