//! A shared token, which is shown nowhere.

use std::fmt;

use openssl::memcmp;
use openssl::sha::sha256;

use crate::error::{Error, Result};

/// Compared as its hash, so that the time which that takes tells nothing of it, not even its length.
#[derive(Clone)]
pub(crate) struct Token {
    hash: [u8; 32],
    /// Whether a header can carry it.
    is_fit: bool,
}

impl Token {
    pub(super) fn new(token: &str) -> Token {
        Token {
            hash: sha256(token.as_bytes()),
            is_fit: !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()),
        }
    }

    pub(crate) fn is(&self, token: &[u8]) -> bool {
        memcmp::eq(&self.hash, &sha256(token))
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.is_fit {
            return Ok(());
        }
        let problem = "is empty or has characters that no header can carry";
        let remedy = "make one of letters and digits, as `openssl rand -hex 32` does";
        Err(Error::config("token", (problem, remedy)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_is_it_and_none_is_shown() {
        let token = Token::new("correct-horse");
        assert!(token.is(b"correct-horse"));
        for other in ["", "correct-hors", "correct-horse ", "Correct-horse"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert!(token.check().is_ok());
        assert_eq!(format!("{token:?}"), "Token");
        for unfit in ["", "two words", "\u{fc}", "a\nb"] {
            let error = Token::new(unfit).check().unwrap_err().to_string();
            assert!(error.starts_with("token: is empty or"), "{error}");
        }
    }
}
