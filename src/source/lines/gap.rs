//! What may be missing where reading could not go on.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

/// Alerts between two that may be missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub why: Why,
    /// When the file was written to last that was read before, in nanoseconds since the epoch. The
    /// alerts that were read of it may be older.
    pub since: u64,
    /// When the one that is read next was.
    pub until: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The file is there under no name.
    NotFound { offset: u64 },
    /// It was made shorter, and no copy was found.
    Truncated { offset: u64 },
    /// It cannot be read.
    Unreadable { path: PathBuf, problem: String },
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::NotFound { offset } => write!(
                f,
                "the file that was read up to byte {offset} is not found any more, neither rotated \
                 nor compressed"
            )?,
            Why::Truncated { offset } => write!(
                f,
                "it was truncated after it was read up to byte {offset}, and no copy of it is found"
            )?,
            Why::Unreadable { path, problem } => {
                write!(f, "{} cannot be read: {problem}", path.display())?;
            }
        }
        write!(
            f,
            "; alerts written between {} and {} may be missing",
            Time(self.since),
            Time(self.until)
        )
    }
}

struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0 / 1_000_000_000).unwrap_or(i64::MAX);
        match Timestamp::from_second(seconds) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_says_what_is_missing_and_of_what_time() {
        let why = Why::Unreadable {
            path: "/f.log.1.zst".into(),
            problem: "it is compressed otherwise than by gzip".to_owned(),
        };
        let (since, until) = (1_795_597_200_000_000_000, 1_795_597_260_000_000_001);
        let gap = Gap { why, since, until };
        assert_eq!(
            gap.to_string(),
            "/f.log.1.zst cannot be read: it is compressed otherwise than by gzip; alerts written \
             between 2026-11-25T09:00:00Z and 2026-11-25T09:01:00Z may be missing"
        );
    }
}
