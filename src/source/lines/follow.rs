//! The thread that reads lines and gives them to an intake.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{poll, PollFd, PollFlags, Timespec};

use super::emit::{longest_line, Emitter};
use super::split::Splitter;
use super::tail::{Found, Tail};
use super::Lines;
use crate::delivery::{Intake, Mode, State};
use crate::endpoint::Endpoint;
use crate::error::{Error, Problem, Result};
use crate::position::Position;
use crate::source::{Purpose, StartRequest};
use crate::util::thread::deliver_here;
use crate::util::thread::spawn_named;

/// How much of standard input is read at once.
const PIECE: usize = 64 * 1024;

/// Reads on a thread of its own, until the lines or the intake's wish end it.
pub(super) fn start(lines: Arc<Lines>, request: StartRequest) -> Result<()> {
    let StartRequest {
        purpose,
        outlet,
        control,
        from,
        post_guard: _,
    } = request;
    let intake = Intake::new(outlet, control)?;
    let failed = |error| Error::no_thread(&lines.endpoint, "to read it", error);
    let file = lines.file.clone();
    let reader = Reader {
        lines: lines.clone(),
        purpose,
        intake,
    };
    let run = move || {
        deliver_here();
        let error = match file {
            Some(path) => reader.file(&path, from),
            None => reader.stdin(),
        };
        reader.intake.end(error);
    };
    spawn_named("falco-lines", run).map(drop).map_err(failed)
}

/// What ended a wait.
enum Waited {
    Input,
    Silence,
    /// A wish, or a signal to the process.
    Other,
}

struct Reader {
    lines: Arc<Lines>,
    purpose: Purpose,
    intake: Arc<Intake>,
}

impl Reader {
    /// Follows a file, or reads what it holds. What it ends with.
    fn file(&self, path: &Path, from: Option<Position>) -> Option<Error> {
        let from = from.or(self.lines.resume);
        let mut tail = Tail::new(path.to_owned(), longest_line(self.lines.most), from);
        let mut emitter = self.emitter();
        let (mut heard, mut rotated) = (Instant::now(), None);
        loop {
            let closing = self.mode() >= Mode::Close;
            if self.intake.is_cut() {
                return None;
            }
            let mut came = false;
            let found = tail.read(|line, span| {
                came = true;
                emitter.put(line, Some(span));
            });
            emitter.flush();
            if came {
                heard = Instant::now();
            }
            self.say(&mut tail, emitter.last_time(), &mut rotated);
            let missing = match found {
                Ok(Found::More) => {
                    self.stands();
                    continue;
                }
                Ok(Found::Nothing) => None,
                Ok(Found::Missing) => Some(io::Error::from(io::ErrorKind::NotFound)),
                Err(error) => Some(error),
            };
            if self.purpose == Purpose::Get {
                if let Some(line) = tail.rest() {
                    emitter.put(line, None);
                }
                emitter.finish();
                return missing.map(|error| self.unreadable(error));
            }
            match missing {
                None => self.stands(),
                Some(error) => self.waits(self.unreadable(error)),
            }
            if closing {
                emitter.close();
                return None;
            }
            let (least, most) = self.lines.interval.clone().into_inner();
            self.wait(None, Some((heard.elapsed() / 8).clamp(least, most)));
        }
    }

    /// Says what is read in place of the file, and what may be missing.
    fn say(&self, tail: &mut Tail, last: Option<u64>, rotated: &mut Option<String>) {
        let endpoint = &self.lines.endpoint;
        for gap in tail.gaps(last) {
            self.intake.control().counters.gap();
            log::warn!("{endpoint}: {gap}");
        }
        let now = tail.reads_rotated();
        if *rotated != now {
            match &now {
                Some(path) => log::info!("{endpoint}: reading goes on in {path}"),
                None => log::info!("{endpoint}: reading goes on in it"),
            }
            *rotated = now;
        }
    }

    /// Reads standard input to its end.
    fn stdin(&self) -> Option<Error> {
        let input = match io::stdin().as_fd().try_clone_to_owned() {
            Ok(input) => File::from(input),
            Err(error) => return Some(self.unreadable(error)),
        };
        self.stands();
        let mut splitter = Splitter::new(longest_line(self.lines.most));
        let mut emitter = self.emitter();
        let mut piece = vec![0; PIECE];
        loop {
            let closing = self.mode() >= Mode::Close;
            if self.intake.is_cut() {
                return None;
            }
            // Who is closed takes what is on its way.
            let patience = closing.then_some(self.lines.closing_silence);
            match self.wait(Some(&input), patience) {
                Waited::Input => {}
                Waited::Silence if closing => {
                    emitter.close();
                    return None;
                }
                Waited::Silence | Waited::Other => continue,
            }
            match (&input).read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    let read = piece.get(..read).unwrap_or_default();
                    splitter.push(read, |line, _| emitter.put(line, None));
                    emitter.flush();
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Some(self.unreadable(error)),
            }
        }
        if let Some(line) = splitter.rest() {
            emitter.put(line, None);
        }
        emitter.finish();
        None
    }

    fn emitter(&self) -> Emitter {
        let endpoint = self.lines.endpoint.to_string();
        Emitter::new(self.intake.clone(), endpoint, self.lines.most)
    }

    fn mode(&self) -> Mode {
        self.intake.mode()
    }

    /// Waits for `input` or for another wish, at most for `patience`.
    fn wait(&self, input: Option<&File>, patience: Option<Duration>) -> Waited {
        let readable = PollFlags::IN;
        let mut watched = vec![PollFd::new(self.intake.changed(), readable)];
        watched.extend(input.map(|input| PollFd::new(input, readable)));
        let patience = patience.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        match poll(&mut watched, patience.as_ref()) {
            Ok(0) => Waited::Silence,
            Ok(_)
                if watched
                    .get(1)
                    .is_some_and(|input| !input.revents().is_empty()) =>
            {
                Waited::Input
            }
            _ => Waited::Other,
        }
    }

    fn stands(&self) {
        let control = self.intake.control();
        if control.state() != State::Following && control.set(State::Following) {
            log::info!("{}: following again", self.lines.endpoint);
        }
    }

    fn waits(&self, error: Error) {
        let now = SystemTime::now();
        let why = error.to_string();
        let state = State::Waiting {
            why: why.as_str().into(),
            since: now,
            next: now,
        };
        if self.intake.control().set(state) {
            log::warn!("{why}; it is looked for until it is there");
        }
    }

    fn unreadable(&self, error: io::Error) -> Error {
        unreadable(&self.lines.endpoint, error)
    }
}

pub(super) fn unreadable(endpoint: &Endpoint, error: io::Error) -> Error {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => Problem::fixed(
            "there is no such file",
            "see file_output.filename in falco.yaml",
        ),
        io::ErrorKind::PermissionDenied => Problem::fixed(
            "may not be read by this user",
            "allow it, or run as a user who may",
        ),
        // What is no regular file is refused with this kind.
        io::ErrorKind::InvalidInput => Problem::fixed(
            "is not a regular file",
            "give a pipe as standard input, with - instead of its path",
        ),
        _ => Problem::alone(format!("cannot be read: {error}")),
    };
    Error::unavailable(endpoint, problem, Some(error.into()))
}

/// Whether the same may go well when it is tried again.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), Interrupted | WouldBlock)
}
