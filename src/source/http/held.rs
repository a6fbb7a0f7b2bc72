//! Notices posts that are held up. While a Falco waits for the answer to one, all its outputs wait.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::delivery::Control;
use crate::util::lock::{lock, time_until, wait_on};

/// Falco's `output_timeout` by default, after which it logs that an output is slow.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is held up again within this time is still held up.
const CALM: Duration = Duration::from_secs(10);

/// The posts that are being taken, as a thread of its own watches them.
pub(super) struct HeldPosts {
    control: Arc<Control>,
    state: Mutex<HeldState>,
    changed: Condvar,
}

#[derive(Default)]
struct HeldState {
    waiting: BTreeSet<Began>,
    /// Those that have waited for too long, and are counted.
    late: BTreeSet<Began>,
    next: u64,
    /// How many were late and are not in the counters yet.
    uncounted: u64,
    episode: Option<Episode>,
    /// The thread waits for a first post.
    idle: bool,
    ended: bool,
}

/// When a post began, with a number that tells it from others.
type Began = (Instant, u64);

/// A time in which posts are held up.
struct Episode {
    begin: Instant,
    /// When the last of them was late, or went on.
    until: Instant,
    posts: u64,
    reported: bool,
}

/// A post that is being taken.
pub(super) struct TakenPost<'a> {
    held: &'a HeldPosts,
    began: Began,
}

/// What is to be logged.
#[derive(Debug, PartialEq, Eq)]
enum HoldReport {
    Begins,
    Ends { time: Duration, posts: u64 },
}

impl HeldPosts {
    pub(super) fn new(control: Arc<Control>) -> HeldPosts {
        HeldPosts {
            control,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// A post is being taken, until what this returns is dropped.
    pub(super) fn enter(&self) -> TakenPost<'_> {
        let mut state = lock(&self.state);
        let began = state.enter(Instant::now());
        if std::mem::take(&mut state.idle) {
            self.changed.notify_one();
        }
        TakenPost { held: self, began }
    }

    /// Counts the posts that are held up, and logs when that begins and how long it was, until the end.
    pub(super) fn watch(&self) {
        let mut state = lock(&self.state);
        loop {
            let now = Instant::now();
            self.control.counters.held(state.count_late(now));
            if let Some(report) = state.report(now) {
                drop(state);
                self.log(&report);
                state = lock(&self.state);
                continue;
            }
            if state.ended {
                return;
            }
            let limit = state.wake_at().map(time_until);
            state.idle = limit.is_none();
            state = wait_on(&self.changed, state, limit);
        }
    }

    pub(super) fn end(&self) {
        lock(&self.state).ended = true;
        self.changed.notify_one();
    }

    fn log(&self, report: &HoldReport) {
        let endpoint = self.control.endpoint();
        match report {
            HoldReport::Begins => log::warn!(
                "{endpoint}: a post has waited for 2 s, as alerts are not taken fast enough; \
                 meanwhile all outputs of its Falco wait, and alerts fill that one's memory: read \
                 faster, let a relay with --spool take the posts, or read Falco's file_output"
            ),
            HoldReport::Ends { time, posts } => log::warn!(
                "{endpoint}: posts were held up; in {:.1} s, {posts} waited for more than 2 s each",
                time.as_secs_f64()
            ),
        }
    }
}

impl Drop for TakenPost<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.held.state);
        if state.leave(self.began, Instant::now()) {
            self.held.changed.notify_one();
        }
    }
}

impl HeldState {
    fn enter(&mut self, now: Instant) -> Began {
        let began = (now, self.next);
        self.next += 1;
        self.waiting.insert(began);
        began
    }

    /// Whether it was late.
    fn leave(&mut self, began: Began, now: Instant) -> bool {
        // The thread may not have seen it yet.
        self.find_late(now);
        self.waiting.remove(&began);
        let is_late = self.late.remove(&began);
        if let Some(episode) = self.episode.as_mut().filter(|_| is_late) {
            episode.until = now;
        }
        is_late
    }

    fn find_late(&mut self, now: Instant) {
        while let Some(&began) = self.waiting.first().filter(|&&began| is_late(began, now)) {
            self.waiting.remove(&began);
            self.late.insert(began);
            self.uncounted += 1;
            let episode = self.episode.get_or_insert(Episode {
                begin: began.0,
                until: now,
                posts: 0,
                reported: false,
            });
            episode.posts += 1;
            episode.until = now;
        }
    }

    /// How many posts are late by now that were not counted before.
    fn count_late(&mut self, now: Instant) -> u64 {
        self.find_late(now);
        std::mem::take(&mut self.uncounted)
    }

    fn report(&mut self, now: Instant) -> Option<HoldReport> {
        let episode = self.episode.as_mut()?;
        if !episode.reported {
            episode.reported = true;
            return Some(HoldReport::Begins);
        }
        let is_calm = now.saturating_duration_since(episode.until) >= CALM;
        if !self.late.is_empty() || !is_calm && !self.ended {
            return None;
        }
        let episode = self.episode.take()?;
        Some(HoldReport::Ends {
            time: episode.until.saturating_duration_since(episode.begin),
            posts: episode.posts,
        })
    }

    /// When there may be something to count or to report without another event.
    fn wake_at(&self) -> Option<Instant> {
        let late = self.waiting.first().map(|(began, _)| *began + PATIENCE);
        let episode = self.episode.as_ref().filter(|_| self.late.is_empty());
        let calm = episode.map(|episode| episode.until + CALM);
        late.into_iter().chain(calm).min()
    }
}

fn is_late((began, _): Began, now: Instant) -> bool {
    now.saturating_duration_since(began) >= PATIENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_that_wait_for_too_long_are_one_episode_until_it_is_calm() {
        let (mut state, start) = (HeldState::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_millis(seconds * 1000);
        let first = state.enter(at(0));
        assert_eq!(state.wake_at(), Some(at(2)));
        let quick = state.enter(at(1));
        assert!(!state.leave(quick, at(1)));
        assert_eq!((state.count_late(at(1)), state.report(at(1))), (0, None));

        assert_eq!(state.count_late(at(2)), 1);
        assert_eq!(state.report(at(2)), Some(HoldReport::Begins));
        assert_eq!((state.count_late(at(3)), state.report(at(3))), (0, None));
        assert_eq!(state.wake_at(), None);
        assert!(state.leave(first, at(30)));
        assert_eq!(state.wake_at(), Some(at(40)));
        // Late again before it is calm.
        let second = state.enter(at(35));
        assert_eq!(state.count_late(at(37)), 1);
        assert_eq!(state.report(at(41)), None);
        assert!(state.leave(second, at(42)));
        assert_eq!(state.report(at(51)), None);
        let ends = HoldReport::Ends {
            time: Duration::from_secs(42),
            posts: 2,
        };
        assert_eq!(state.report(at(52)), Some(ends));
        assert_eq!((state.report(at(53)), state.wake_at()), (None, None));
    }

    #[test]
    fn what_is_late_before_it_is_seen_is_counted_when_it_goes_on() {
        let (mut state, start) = (HeldState::default(), Instant::now());
        let post = state.enter(start);
        assert!(state.leave(post, start + Duration::from_secs(5)));
        assert_eq!(state.episode.as_ref().map(|episode| episode.posts), Some(1));
        let now = start + Duration::from_secs(5);
        assert_eq!(state.count_late(now), 1);
        assert_eq!(state.report(now), Some(HoldReport::Begins));
        state.ended = true;
        assert!(matches!(
            state.report(now),
            Some(HoldReport::Ends { posts: 1, .. })
        ));
    }
}
