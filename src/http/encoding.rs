//! Bodies that come compressed. The limit on a body's size is one on what comes out.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use ureq_proto::http::{header, HeaderMap, StatusCode};

use super::message::HttpResponse;
use super::refusal::Rejection;

/// As `Accept-Encoding` lists them.
const SERVED: &str = "gzip, deflate, zstd";

/// The largest window of zstd, whose decoder holds that much beside what comes out: what each decoder
/// has to take by RFC 8878.
const ZSTD_WINDOW: u64 = 8 << 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    Gzip,
    Deflate,
    Zstd,
}

/// Why a body cannot be unpacked.
#[derive(Debug)]
pub(super) enum Unpackable {
    Damaged(&'static str),
    TooLarge,
    /// The budget of all bodies is used up.
    NoRoom,
}

impl Encoding {
    /// That of a body by its head, if it has one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Encoding>, Rejection> {
        let mut found = None;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            for name in value.as_bytes().split(|&byte| byte == b',') {
                let name = name.trim_ascii().to_ascii_lowercase();
                let encoding = match &*name {
                    b"" | b"identity" => continue,
                    b"gzip" | b"x-gzip" => Encoding::Gzip,
                    b"deflate" => Encoding::Deflate,
                    b"zstd" => Encoding::Zstd,
                    _ => return Err(not_served(value.as_bytes())),
                };
                // One within another multiplies what a small body unpacks to.
                if found.replace(encoding).is_some() {
                    return Err(not_served(value.as_bytes()));
                }
            }
        }
        Ok(found)
    }

    /// Unpacks a body of at most `limit` bytes. `reserve` makes room for so many more bytes in it, while
    /// the decoder itself holds so many, and tells whether it could.
    pub(super) fn unpack(
        self,
        packed: &[u8],
        limit: usize,
        mut reserve: impl FnMut(&mut Vec<u8>, usize, usize) -> bool,
    ) -> Result<Vec<u8>, Unpackable> {
        let mut body = Vec::new();
        let mut out = Unpacking {
            limit,
            body: &mut body,
            held: 0,
            reserve: &mut reserve,
        };
        match self {
            Encoding::Gzip => out.read(MultiGzDecoder::new(packed), "its body is not valid gzip"),
            Encoding::Deflate if is_zlib(packed) => {
                out.read(ZlibDecoder::new(packed), "its body is not valid deflate")
            }
            // Some senders leave the frame of zlib out.
            Encoding::Deflate => {
                out.read(DeflateDecoder::new(packed), "its body is not valid deflate")
            }
            Encoding::Zstd => unpack_zstd(packed, &mut out),
        }?;
        Ok(body)
    }
}

fn not_served(value: &[u8]) -> Rejection {
    let name: String = String::from_utf8_lossy(value).chars().take(40).collect();
    let name = name.escape_debug();
    let text = format!("the Content-Encoding {name} is not served here, only one of {SERVED}\n");
    Rejection {
        kind: "encodings that are not served",
        reason: format!("its body has the Content-Encoding {name}, which is not served"),
        response: HttpResponse {
            headers: vec![(header::ACCEPT_ENCODING, SERVED)],
            ..HttpResponse::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        },
    }
}

type Reserve<'a> = &'a mut dyn FnMut(&mut Vec<u8>, usize, usize) -> bool;

struct Unpacking<'a> {
    limit: usize,
    body: &'a mut Vec<u8>,
    /// What the decoder itself holds.
    held: usize,
    reserve: Reserve<'a>,
}

impl Unpacking<'_> {
    fn read(&mut self, mut from: impl Read, damaged: &'static str) -> Result<(), Unpackable> {
        let mut chunk = [0; 8 * 1024];
        loop {
            let count = match from.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(Unpackable::Damaged(damaged)),
            };
            if self.body.len() + count > self.limit {
                return Err(Unpackable::TooLarge);
            }
            if !(self.reserve)(self.body, count, self.held) {
                return Err(Unpackable::NoRoom);
            }
            self.body
                .extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
    }
}

/// Whether it begins with the header of RFC 1950.
fn is_zlib(packed: &[u8]) -> bool {
    match packed {
        [first, second, ..] => first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0,
        _ => false,
    }
}

const NOT_ZSTD: &str = "its body is not valid zstd";

/// One frame behind another.
fn unpack_zstd(mut packed: &[u8], out: &mut Unpacking<'_>) -> Result<(), Unpackable> {
    const DAMAGED: Unpackable = Unpackable::Damaged(NOT_ZSTD);
    if packed.is_empty() {
        return Err(DAMAGED);
    }
    let mut decoder = FrameDecoder::new();
    while !packed.is_empty() {
        if let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, rest @ ..] = packed {
            // A frame to be skipped.
            let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            packed = rest.get(length..).ok_or(DAMAGED)?;
            continue;
        }
        let window = match zstd_window(packed).ok_or(DAMAGED)? {
            Window::Content(size) if size > out.limit as u64 => return Err(Unpackable::TooLarge),
            Window::Content(size) => size,
            Window::Size(size) if size > ZSTD_WINDOW => {
                let problem = "the window of its zstd is larger than 8 MiB";
                return Err(Unpackable::Damaged(problem));
            }
            Window::Size(size) => size,
        };
        out.held = out.limit.min(window as usize);
        let frame = StreamingDecoder::new_with_decoder(&mut packed, &mut decoder);
        out.read(frame.map_err(|_| DAMAGED)?, NOT_ZSTD)?;
        let sum = decoder.get_checksum_from_data();
        if sum.is_some() && sum != decoder.get_calculated_checksum() {
            return Err(DAMAGED);
        }
    }
    Ok(())
}

enum Window {
    /// The whole content, of this size.
    Content(u64),
    Size(u64),
}

/// How much a frame's decoder has to hold, by its header. None where that is no frame.
fn zstd_window(frame: &[u8]) -> Option<Window> {
    let rest = frame.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (&descriptor, rest) = rest.split_first()?;
    if descriptor & 0x20 == 0 {
        let window = *rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(Window::Size(base + base / 8 * u64::from(window & 7)));
    }
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let length = 1 << (descriptor >> 6);
    let size = rest.get(*dictionary..)?.get(..length)?;
    let more = if length == 2 { 256 } else { 0 };
    let size = size
        .iter()
        .rev()
        .fold(0_u64, |size, &byte| size << 8 | u64::from(byte));
    Some(Window::Content(size.saturating_add(more)))
}
