//! Mends a damaged log, which SQLite would take for one that ends before the damage.
//!
//! It has pages of the database, each with a checksum over all before it. Where the pages after a
//! damaged one are as they were written, all are made valid, and what the damage has done is found by
//! the checksums of the alerts and by the checks of the database.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::files::with_end;

/// The log's header and that of each page: <https://www.sqlite.org/fileformat2.html#walformat>.
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Begins a log whose checksums are of little-endian words; with the last bit, of big-endian ones.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

type Checksum = (u32, u32);

/// Mends the log of a database that is not open, if it is damaged. Returns whether it was.
pub(super) fn mend(database: &Path) -> io::Result<bool> {
    let path = with_end(database, "-wal");
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        read => read?,
    };
    let page = match Header::of(&bytes) {
        Some(header) => header.page,
        None => page_of(database)?,
    };
    let Some(mended) = Log::new(&bytes, page).and_then(|log| log.mended()) else {
        return Ok(false);
    };
    let file = File::options().write(true).open(path)?;
    file.write_all_at(&mended, 0)?;
    file.sync_all()?;
    Ok(true)
}

/// The size of the pages of a database.
fn page_of(database: &Path) -> io::Result<usize> {
    let mut size = [0; 2];
    File::open(database)?.read_exact_at(&mut size, 16)?;
    Ok(match u16::from_be_bytes(size) {
        1 => 1 << 16,
        size => usize::from(size),
    })
}

/// What a whole header tells.
struct Header {
    page: usize,
    salts: [u8; 8],
    is_big_endian: bool,
    checksum: Checksum,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.get(..HEADER)?;
        let magic = word(bytes, 0)?;
        let is_big_endian = magic == MAGIC | 1;
        let checksum = (word(bytes, 24)?, word(bytes, 28)?);
        let is_whole =
            magic & !1 == MAGIC && sum((0, 0), bytes.get(..24)?, is_big_endian) == checksum;
        is_whole.then_some(Header {
            page: word(bytes, 8)? as usize,
            salts: bytes.get(16..24)?.try_into().ok()?,
            is_big_endian,
            checksum,
        })
    }

    /// A new one for pages with these salts, and its bytes.
    fn new(page: usize, salts: [u8; 8]) -> Option<(Header, Vec<u8>)> {
        let is_big_endian = cfg!(target_endian = "big");
        let words = [
            MAGIC | u32::from(is_big_endian),
            VERSION,
            u32::try_from(page).ok()?,
            0,
        ];
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
        bytes.extend(salts);
        let checksum = sum((0, 0), &bytes, is_big_endian);
        bytes.extend(
            [checksum.0, checksum.1]
                .into_iter()
                .flat_map(u32::to_be_bytes),
        );
        let header = Header {
            page,
            salts,
            is_big_endian,
            checksum,
        };
        Some((header, bytes))
    }
}

struct Log<'a> {
    bytes: &'a [u8],
    header: Header,
    /// That in the log is damaged, and this is to take its place.
    new_header: Option<Vec<u8>>,
}

impl<'a> Log<'a> {
    fn new(bytes: &'a [u8], page: usize) -> Option<Log<'a>> {
        if !page.is_power_of_two() || page < 512 {
            return None;
        }
        let (header, new_header) = match Header::of(bytes) {
            Some(header) => (header, None),
            None => {
                let first = bytes.get(HEADER + 8..HEADER + 16)?;
                let (header, bytes) = Header::new(page, first.try_into().ok()?)?;
                (header, Some(bytes))
            }
        };
        Some(Log {
            bytes,
            header,
            new_header,
        })
    }

    /// The bytes up to the last whole page, all of them valid. None where nothing is to be mended.
    fn mended(&self) -> Option<Vec<u8>> {
        let length = FRAME_HEADER + self.header.page;
        let frames = self.bytes.get(HEADER..)?.chunks_exact(length);
        let is_ours = |frame: &&[u8]| frame.get(8..16) == Some(&self.header.salts);
        // Those behind are of an earlier log, or were never written.
        let frames: Vec<&[u8]> = frames.take_while(is_ours).collect();
        // By the checksum that is written before it, so that a damaged page spoils no later one.
        let mut before = self.new_header.is_none().then_some(self.header.checksum);
        let is_whole: Vec<bool> = frames
            .iter()
            .map(|frame| {
                let written = written(frame);
                let expected = before.and_then(|before| self.checksum(before, frame));
                before = written;
                expected.is_some() && written == expected
            })
            .collect();
        // What ends with damage may never have been written as a whole.
        let last = is_whole.iter().rposition(|is_whole| *is_whole)?;
        if is_whole.get(..last)?.iter().all(|is_whole| *is_whole) && self.new_header.is_none() {
            return None;
        }
        let mut mended = match &self.new_header {
            Some(header) => header.clone(),
            None => self.bytes.get(..HEADER)?.to_vec(),
        };
        let mut before = self.header.checksum;
        for frame in frames.get(..=last)? {
            before = self.checksum(before, frame)?;
            mended.extend(frame.get(..16)?);
            mended.extend([before.0, before.1].into_iter().flat_map(u32::to_be_bytes));
            mended.extend(frame.get(FRAME_HEADER..)?);
        }
        Some(mended)
    }

    fn checksum(&self, before: Checksum, frame: &[u8]) -> Option<Checksum> {
        let is_big_endian = self.header.is_big_endian;
        let numbers = sum(before, frame.get(..8)?, is_big_endian);
        Some(sum(numbers, frame.get(FRAME_HEADER..)?, is_big_endian))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// The checksum that is written in the header of a page.
fn written(frame: &[u8]) -> Option<Checksum> {
    Some((word(frame, 16)?, word(frame, 20)?))
}

fn sum((mut one, mut two): Checksum, bytes: &[u8], is_big_endian: bool) -> Checksum {
    let word = |bytes: &[u8]| {
        let bytes = bytes.try_into().unwrap_or_default();
        match is_big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        }
    };
    for pair in bytes.chunks_exact(8) {
        let (first, second) = pair.split_at(4);
        one = one.wrapping_add(word(first)).wrapping_add(two);
        two = two.wrapping_add(word(second)).wrapping_add(one);
    }
    (one, two)
}
