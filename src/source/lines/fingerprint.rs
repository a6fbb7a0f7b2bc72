//! The fingerprint by which a place in a file is recognised.

use crate::util::hash::fnv1a;

/// How many bytes before a position tell it.
pub(super) const MARKED: usize = 64;

/// How many bytes at the beginning of a file tell it from others.
pub(super) const HEAD: usize = 1024;

/// A hash of the last bytes of `before`.
pub(super) fn mark(before: &[u8]) -> u64 {
    let last = before.len().saturating_sub(MARKED);
    fnv1a(before.get(last..).unwrap_or_default())
}

/// A hash of the first bytes of a file, of those before `offset`.
pub(super) fn head(first: &[u8], offset: u64) -> u64 {
    let length = usize::try_from(offset).unwrap_or(HEAD).min(HEAD);
    fnv1a(first.get(..length).unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_the_last_bytes_and_a_head_of_the_first() {
        // As others compute it, so that it stays the same.
        assert_eq!(mark(b"foobar"), 0x8594_4171_f739_67e8);
        let long = [&[b'x'; 9][..], &[b'y'; 64]].concat();
        assert_eq!(mark(&long), mark(&[b'y'; 64]));
        assert_eq!(head(b"foobar", 6), 0x8594_4171_f739_67e8);
        assert_eq!(head(b"foobarx", 6), head(b"foobar", 6));
        assert_eq!(head(&[b'x'; 2000], 2000), head(&[b'x'; 1024], 3000));
    }
}
