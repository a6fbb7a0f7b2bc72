//! Recognises a sink from one start of a relay to the next.

use std::fmt;

use crate::util::hex::Hex;

/// The normalised address of a sink, and a hash of what is secret in it: two sinks may differ in that
/// alone. It displays as the address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SinkIdentity(String);

/// How many bytes of a hash are kept: enough to tell sinks apart.
const HASH: usize = 8;

/// Stands before the hash. No address that has one contains it.
const MARK: char = '#';

impl SinkIdentity {
    pub(super) fn new(address: String) -> SinkIdentity {
        SinkIdentity(address)
    }

    pub(super) fn with_secret(address: String, secret: &str) -> SinkIdentity {
        if secret.is_empty() {
            return SinkIdentity(address);
        }
        let hash = openssl::sha::sha256(secret.as_bytes());
        let hash = Hex(hash.get(..HASH).unwrap_or(&hash));
        SinkIdentity(format!("{address}{MARK}{hash}"))
    }

    /// Of what [`stored`](SinkIdentity::stored) has returned.
    pub(super) fn from_stored(text: &str) -> SinkIdentity {
        SinkIdentity(text.to_owned())
    }

    /// What a spool keeps of it.
    pub(super) fn stored(&self) -> &str {
        &self.0
    }

    /// Whether they differ in what is secret, at most.
    pub(super) fn has_address_of(&self, other: &SinkIdentity) -> bool {
        self.address() == other.address()
    }

    pub(super) fn has_secret(&self) -> bool {
        self.address().len() < self.0.len()
    }

    fn address(&self) -> &str {
        // The path of a file may contain anything.
        match self.0.split_once(MARK) {
            Some((address, _)) if address.starts_with("http") => address,
            _ => &self.0,
        }
    }
}

impl fmt::Display for SinkIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address())
    }
}
