//! How far a spool is, kept beside its database.
//!
//! Of a log that was damaged, cut or removed SQLite takes what is whole for all that there was. What is
//! missing is known from here.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::files::with_end;
use super::open::private;
use crate::error::Result;

/// What its name has after that of the database.
pub(super) const END: &str = "-extent";

/// Two numbers and their checksum: never written in part, unless power is lost.
const LENGTH: usize = 20;

/// Numbers of alerts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct SpoolExtent {
    /// The last that was given.
    pub last: u64,
    /// All up to this one have left the spool.
    pub gone: u64,
}

impl SpoolExtent {
    /// What was written for this database, if that is readable.
    pub(super) fn read(database: &Path) -> Option<SpoolExtent> {
        let bytes = fs::read(with_end(database, END)).ok()?;
        let (numbers, checksum) = bytes.get(..LENGTH)?.split_at_checked(16)?;
        if crc32fast::hash(numbers).to_le_bytes() != checksum {
            return None;
        }
        let (last, gone) = numbers.split_at_checked(8)?;
        Some(SpoolExtent {
            last: u64::from_le_bytes(last.try_into().ok()?),
            gone: u64::from_le_bytes(gone.try_into().ok()?),
        })
    }

    /// How many alerts should be in the spool that come after `last`, which is its last one.
    pub(super) fn missing_after(&self, last: u64) -> u64 {
        self.last.saturating_sub(last.max(self.gone))
    }

    fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let (numbers, checksum) = bytes.split_at_mut(16);
        let (last, gone) = numbers.split_at_mut(8);
        last.copy_from_slice(&self.last.to_le_bytes());
        gone.copy_from_slice(&self.gone.to_le_bytes());
        let sum = crc32fast::hash(numbers);
        checksum.copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

/// Writes down how far a spool is, after each commit. It is as safe as a commit: it survives the end of
/// the process, and the disk gets it later.
pub(super) struct ExtentFile {
    file: File,
    now: SpoolExtent,
    has_failed: bool,
}

impl ExtentFile {
    pub(super) fn open(database: &Path, now: SpoolExtent) -> Result<ExtentFile> {
        let file = private(&with_end(database, END))?;
        let mut opened = ExtentFile {
            file,
            now,
            has_failed: false,
        };
        opened.write();
        Ok(opened)
    }

    /// Notes the last number, if it is new, and how many of the oldest have left the spool.
    pub(super) fn advance(&mut self, last: Option<u64>, gone: u64) {
        self.now = SpoolExtent {
            last: last.unwrap_or(self.now.last),
            gone: self.now.gone + gone,
        };
        self.write();
    }

    fn write(&mut self) {
        let written = self.file.write_all_at(&self.now.encode(), 0);
        match written {
            Ok(()) => self.has_failed = false,
            // What is stored is stored.
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    log::warn!(
                        "spool: how far it is cannot be written down: {error}; should its log be \
                         damaged, nothing would tell"
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a");
        assert_eq!(SpoolExtent::read(&database), None);
        let mut file = ExtentFile::open(&database, SpoolExtent { last: 7, gone: 3 }).unwrap();
        assert_eq!(
            SpoolExtent::read(&database),
            Some(SpoolExtent { last: 7, gone: 3 })
        );
        file.advance(Some(300), 5);
        file.advance(None, 1);
        let extent = SpoolExtent::read(&database).unwrap();
        assert_eq!(extent, SpoolExtent { last: 300, gone: 9 });
        let missing = [0, 9, 10, 300, 301].map(|last| extent.missing_after(last));
        assert_eq!(missing, [291, 291, 290, 0, 0]);

        let path = with_end(&database, END);
        let whole = fs::read(&path).unwrap();
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(SpoolExtent::read(&database), None, "{index}");
            fs::write(&path, &whole[..index]).unwrap();
            assert_eq!(SpoolExtent::read(&database), None, "{index}");
        }
    }
}
