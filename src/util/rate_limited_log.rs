//! A log that input from outside cannot flood.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use log::Level;

use super::lock::lock;
use super::text::one_line;

/// Lines of one kind in an interval.
const LINES: u32 = 5;

const INTERVAL: Duration = Duration::from_secs(5);

/// The longest line, in bytes.
const LONGEST: usize = 1024;

/// How often something may be logged: a number of lines in each interval.
#[derive(Debug)]
pub(crate) struct RateLimit {
    lines: u32,
    /// The start of the interval, and the lines in it.
    current: Option<(Instant, u32)>,
    suppressed: u64,
}

impl RateLimit {
    /// One line in each interval.
    pub(crate) fn one_line() -> RateLimit {
        RateLimit::new(1)
    }

    fn new(lines: u32) -> RateLimit {
        RateLimit {
            lines,
            current: None,
            suppressed: 0,
        }
    }

    /// Counts events. Returns how many there were since the last line, these included, if a line may
    /// be logged now.
    pub(crate) fn admit(&mut self, events: u64) -> Option<u64> {
        self.admit_at(Instant::now(), events)
    }

    fn admit_at(&mut self, now: Instant, events: u64) -> Option<u64> {
        self.suppressed = self.suppressed.saturating_add(events);
        let (start, used) = match self.current {
            Some((start, used)) if now.duration_since(start) < INTERVAL => (start, used),
            _ => (now, 0),
        };
        if used == self.lines {
            return None;
        }
        self.current = Some((start, used + 1));
        Some(self.take_suppressed())
    }

    /// The events since the last line.
    pub(crate) fn take_suppressed(&mut self) -> u64 {
        std::mem::take(&mut self.suppressed)
    }
}

/// Limits the lines of each kind of message, and the length of a line. Each line has the number of
/// messages of its kind that were suppressed before it.
///
/// One kind never suppresses another. A kind is a constant, so that input makes no new ones.
pub(crate) struct RateLimitedLog {
    /// As `module_path!()` gives it.
    target: &'static str,
    /// What the messages are about, such as an endpoint.
    subject: String,
    kinds: Mutex<Vec<(&'static str, RateLimit)>>,
}

impl RateLimitedLog {
    pub(crate) fn new(target: &'static str, subject: impl Into<String>) -> RateLimitedLog {
        RateLimitedLog {
            target,
            subject: subject.into(),
            kinds: Mutex::default(),
        }
    }

    /// Logs a message, if its kind was logged seldom enough. It is formatted only then. One that nobody
    /// wants to see is not counted, either.
    pub(crate) fn log(&self, level: Level, kind: &'static str, message: fmt::Arguments<'_>) {
        if !log::log_enabled!(target: self.target, level) {
            return;
        }
        if let Some(line) = self.line_at(Instant::now(), kind, message) {
            log::log!(target: self.target, level, "{line}");
        }
    }

    pub(crate) fn warn(&self, kind: &'static str, message: fmt::Arguments<'_>) {
        self.log(Level::Warn, kind, message);
    }

    /// Logs how many messages were suppressed since the last line of each kind.
    pub(crate) fn flush(&self) {
        for (kind, limit) in &mut *lock(&self.kinds) {
            match limit.take_suppressed() {
                0 => {}
                more => log::warn!(
                    target: self.target,
                    "{}: {more} more messages were not logged: {kind}",
                    self.subject
                ),
            }
        }
    }

    fn line_at(
        &self,
        now: Instant,
        kind: &'static str,
        message: fmt::Arguments<'_>,
    ) -> Option<String> {
        let events = {
            let mut kinds = lock(&self.kinds);
            let known = kinds.iter().position(|(known, _)| *known == kind);
            let known = known.unwrap_or_else(|| {
                kinds.push((kind, RateLimit::new(LINES)));
                kinds.len() - 1
            });
            let (_, limit) = kinds.get_mut(known)?;
            limit.admit_at(now, 1)?
        };
        let line = one_line(message, LONGEST);
        Some(match events {
            1 => line,
            events => format!("{line} (and {} others before)", events - 1),
        })
    }
}

impl Drop for RateLimitedLog {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> RateLimitedLog {
        RateLimitedLog::new(module_path!(), "a test")
    }

    #[test]
    fn a_flood_of_one_kind_is_counted_and_hides_no_other() {
        let (log, now) = (log(), Instant::now());
        let flood = || log.line_at(now, "flood", format_args!("again"));
        let logged = (0..100_000).filter_map(|_| flood()).count();
        assert_eq!(logged, LINES as usize);
        let other = log.line_at(now, "other", format_args!("something else"));
        assert_eq!(other.as_deref(), Some("something else"));
        let later = log.line_at(now + INTERVAL, "flood", format_args!("again"));
        assert_eq!(later.as_deref(), Some("again (and 99995 others before)"));
        let next = log.line_at(now + INTERVAL, "flood", format_args!("again"));
        assert_eq!(next.as_deref(), Some("again"));
    }

    #[test]
    fn what_is_suppressed_is_formatted_no_more() {
        struct CountsFormatting<'a>(&'a std::cell::Cell<u32>);
        impl fmt::Display for CountsFormatting<'_> {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.set(self.0.get() + 1);
                Ok(())
            }
        }
        let (log, count, now) = (log(), std::cell::Cell::new(0), Instant::now());
        for _ in 0..1000 {
            log.line_at(now, "kind", format_args!("{}", CountsFormatting(&count)));
        }
        assert_eq!(count.get(), LINES);
    }

    #[test]
    fn events_are_counted_until_a_line_is_due() {
        let (mut limit, now) = (RateLimit::one_line(), Instant::now());
        assert_eq!(limit.admit_at(now, 3), Some(3));
        assert_eq!(limit.admit_at(now, 4), None);
        assert_eq!(limit.admit_at(now + INTERVAL, 5), Some(9));
        assert_eq!(limit.admit_at(now + INTERVAL, 6), None);
        assert_eq!(limit.take_suppressed(), 6);
        assert_eq!(limit.take_suppressed(), 0);
    }
}
