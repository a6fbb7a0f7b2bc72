//! Buffers of messages that were read, on their way back to the thread that fills them.
//!
//! Memory that one thread allocates and another frees makes both wait for the allocator's lock.

/// What is more than that is given to the reader as it is, and not copied.
pub(super) const LARGEST: usize = 4096;

/// What is kept while nothing arrives.
const KEPT: usize = 64 << 10;

/// How many buffers move at once.
const MOVED: usize = 64;

#[derive(Default)]
pub(super) struct Spares {
    buffers: Vec<Vec<u8>>,
    /// Their capacity.
    bytes: usize,
}

impl Spares {
    /// An empty buffer for so many bytes.
    pub(super) fn take(&mut self, len: usize) -> Vec<u8> {
        if len <= LARGEST {
            if let Some(mut buffer) = self.pop() {
                buffer.reserve_exact(len);
                return buffer;
            }
        }
        Vec::with_capacity(len)
    }

    /// The bytes in a buffer of this thread. Theirs is kept for the other.
    pub(super) fn exchange(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.capacity() > LARGEST {
            return bytes;
        }
        let own = bytes.as_slice().to_vec();
        bytes.clear();
        self.push(bytes);
        own
    }

    /// Takes some of the others where there are none.
    pub(super) fn refill(&mut self, others: &mut Spares) {
        if self.buffers.is_empty() {
            for _ in 0..MOVED {
                let Some(buffer) = others.pop() else { break };
                self.push(buffer);
            }
        }
    }

    /// Takes all of the others, up to `limit` bytes.
    pub(super) fn gather(&mut self, others: &mut Spares, limit: usize) {
        while self.bytes < limit {
            let Some(buffer) = others.pop() else { return };
            self.push(buffer);
        }
        others.trim(0);
    }

    /// Frees most of what a flood has left.
    pub(super) fn shrink(&mut self) {
        if self.bytes > KEPT {
            self.trim(KEPT);
            self.buffers.shrink_to_fit();
        }
    }

    fn trim(&mut self, limit: usize) {
        while self.bytes > limit && self.pop().is_some() {}
    }

    fn push(&mut self, buffer: Vec<u8>) {
        self.bytes += buffer.capacity();
        self.buffers.push(buffer);
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let buffer = self.buffers.pop()?;
        self.bytes -= buffer.capacity();
        Some(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_returns_and_is_used_again() {
        let (mut pump, mut shared, mut reader) =
            (Spares::default(), Spares::default(), Spares::default());
        let mut first = pump.take(100);
        first.extend_from_slice(&[7; 100]);
        let place = first.as_ptr();
        let read = reader.exchange(first);
        assert_eq!((read.len(), read.capacity()), (100, 100));
        assert_ne!(read.as_ptr(), place);
        shared.gather(&mut reader, 1000);
        pump.refill(&mut shared);
        let again = pump.take(50);
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), place);
    }

    #[test]
    fn large_ones_are_passed_on() {
        let mut reader = Spares::default();
        let large = vec![1; LARGEST + 1];
        let place = large.as_ptr();
        let passed = reader.exchange(large);
        assert_eq!(passed.as_ptr(), place);
        assert_eq!(reader.bytes, 0);
        reader.exchange(vec![0; LARGEST]);
        assert_eq!(reader.take(LARGEST + 1).capacity(), LARGEST + 1);
        assert_eq!(reader.bytes, LARGEST);
    }

    #[test]
    fn their_memory_is_bounded() {
        let (mut shared, mut reader) = (Spares::default(), Spares::default());
        for _ in 0..1000 {
            reader.exchange(vec![0; 1000]);
        }
        shared.gather(&mut reader, 500_000);
        assert_eq!((shared.bytes, reader.bytes), (500_000, 0));
        shared.shrink();
        assert!((1..=KEPT).contains(&shared.bytes), "{}", shared.bytes);
    }
}
