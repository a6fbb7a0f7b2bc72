//! Reads alerts, and takes the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use falco_client::{Alert, Alerts, EndpointKind, Error, State};
use rustix::time::{clock_gettime, ClockId};

use super::figures::{Backlog, WatchFigures};
use super::progress::Progress;
use crate::commands::keep::Keep;
use crate::diagnostics::{say, Code, Failure, InputErrors};
use crate::shutdown::{after_failure, in_flight, Shutdown};

/// How often the clock is read while nothing arrives.
const TICK: Duration = Duration::from_millis(100);

pub struct Measurement {
    kind: EndpointKind,
    shutdown: Shutdown,
    /// How long an orderly end may take.
    limit: Duration,
    keep: Option<Keep>,
    /// Alerts of this call that are written to the file, or need not be.
    kept: Arc<AtomicU64>,
    /// Alerts that are not yet.
    pending: u64,
    /// Items of the backlog that the endpoint gives once more, as a file does.
    repeated: u64,
    code: Code,
    errors: InputErrors,
    progress: Progress,
}

impl Measurement {
    pub fn new(
        kind: EndpointKind,
        limit: Duration,
        keep: Option<Keep>,
    ) -> Result<Measurement, Failure> {
        let kept = Arc::default();
        Ok(Measurement {
            kind,
            shutdown: Shutdown::install(kind, limit, Arc::clone(&kept))?,
            limit,
            keep,
            kept,
            pending: 0,
            repeated: 0,
            code: Code::Done,
            errors: InputErrors::of("bench"),
            progress: Progress::new(),
        })
    }

    pub fn code(&self) -> Code {
        self.code
    }

    /// Reports what a forced end has cost.
    pub fn finish(mut self) -> Code {
        let code = self.shutdown.finish();
        self.fail(code);
        self.code
    }

    /// Reads the alerts that Falco holds.
    pub fn backlog(&mut self, mut alerts: Alerts) -> Result<Backlog, Failure> {
        self.begin(&alerts, "reading the backlog");
        let read = self.read_backlog(&mut alerts);
        self.end(&alerts, read)
    }

    /// Follows Falco for a time, which begins when it is connected; calls `connected` then.
    pub fn watch(
        &mut self,
        mut alerts: Alerts,
        time: Duration,
        connected: impl FnOnce(),
    ) -> Result<WatchFigures, Failure> {
        self.begin(&alerts, &format!("watching for {} seconds", time.as_secs()));
        let read = self.follow(&mut alerts, time, connected);
        self.end(&alerts, read)
    }

    fn begin(&mut self, alerts: &Alerts, doing: &str) {
        self.kept.store(0, Ordering::Relaxed);
        self.shutdown.control(alerts.handle());
        self.progress.begin(doing);
    }

    fn read_backlog(&mut self, alerts: &mut Alerts) -> Result<Backlog, Failure> {
        let mut read = Backlog::default();
        let mut items = 0;
        let (begin, cpu) = (Instant::now(), cpu());
        while let Some(Next::Item(next)) = self.next(alerts, None)? {
            items += 1;
            if let Some(alert) = self.take(next)? {
                read.alerts += 1;
                read.bytes += alert.as_bytes().len() as u64;
                self.progress.update(read.alerts);
            }
        }
        (read.seconds, read.cpu) = (begin.elapsed(), self::cpu().saturating_sub(cpu));
        if self.kind == EndpointKind::File {
            self.repeated = items;
        }
        Ok(read)
    }

    fn follow(
        &mut self,
        alerts: &mut Alerts,
        time: Duration,
        connected: impl FnOnce(),
    ) -> Result<WatchFigures, Failure> {
        let handle = alerts.handle();
        let mut read = WatchFigures::new();
        let mut connected = Some(connected);
        let mut since = SystemTime::now();
        let (mut begin, mut used) = (Instant::now(), cpu());
        // When it began to close.
        let mut over: Option<Instant> = None;
        while let Some(next) = self.next(alerts, Some(TICK))? {
            let now = SystemTime::now();
            if self.skips(&next) {
                continue;
            }
            if alerts.state() == State::Following {
                if let Some(connected) = connected.take() {
                    connected();
                    since = now;
                    (begin, used) = (Instant::now(), cpu());
                }
            }
            if over.is_none() && begin.elapsed() >= time {
                (read.seconds, read.cpu) = (begin.elapsed(), cpu().saturating_sub(used));
                over = Some(Instant::now());
                // What is in flight still arrives, and is kept.
                handle.close();
            }
            if over.is_some_and(|over| over.elapsed() > self.limit) {
                self.give_up(alerts);
            }
            let alert = match next {
                Next::Nothing => continue,
                Next::Item(next) => self.take(next)?,
            };
            match alert {
                Some(alert) if alert.time() >= since && over.is_none() => {
                    read.add(now.duration_since(alert.time()));
                    self.progress.update(read.alerts());
                }
                // It had waited for the subscription.
                Some(_) if over.is_none() => read.before += 1,
                // It came after the time.
                _ => {}
            }
        }
        if over.is_none() {
            (read.seconds, read.cpu) = (begin.elapsed(), cpu().saturating_sub(used));
        }
        Ok(read)
    }

    /// Whether it was part of the backlog. Silence ends that, as when the last line had no end then.
    fn skips(&mut self, next: &Next) -> bool {
        if self.repeated == 0 {
            return false;
        }
        match next {
            Next::Item(_) => {
                self.repeated -= 1;
                self.pending += 1;
                true
            }
            Next::Nothing => {
                self.repeated = 0;
                false
            }
        }
    }

    /// Ends it though alerts keep coming.
    fn give_up(&mut self, alerts: &Alerts) {
        let cost = in_flight(self.kind, alerts.counters());
        say(format_args!(
            "alerts arrive faster than they are read: the shutdown took longer than --close-within allows; {}",
            cost.as_deref().unwrap_or("nothing is lost, the rest remains in the file")
        ));
        self.fail(Code::Failed);
        alerts.handle().cancel();
        self.limit = Duration::MAX;
    }

    /// Reports what it costs that the alerts cannot be kept.
    fn end<T>(&mut self, alerts: &Alerts, read: Result<T, Failure>) -> Result<T, Failure> {
        self.progress.end();
        if read.is_err() {
            let kept = self.kept.load(Ordering::Relaxed);
            say(format_args!(
                "{} alerts were received and not kept: {}",
                alerts.counters().alerts.saturating_sub(kept),
                after_failure(self.kind),
            ));
        }
        read
    }

    /// Before it waits, all that was read is kept; while alerts are waiting they share writes.
    fn next(
        &mut self,
        alerts: &mut Alerts,
        longest: Option<Duration>,
    ) -> Result<Option<Next>, Failure> {
        if let Ok(next) = alerts.try_recv() {
            return Ok(Some(Next::Item(next)));
        }
        if let Some(keep) = &mut self.keep {
            keep.flush()?;
        }
        let pending = std::mem::take(&mut self.pending);
        self.kept.fetch_add(pending, Ordering::Relaxed);
        Ok(match longest {
            None => alerts.recv().ok().map(Next::Item),
            Some(longest) => match alerts.recv_timeout(longest) {
                Ok(next) => Some(Next::Item(next)),
                Err(RecvTimeoutError::Timeout) => Some(Next::Nothing),
                Err(RecvTimeoutError::Disconnected) => None,
            },
        })
    }

    fn take(&mut self, next: Result<Alert, Error>) -> Result<Option<Alert>, Failure> {
        match next {
            Ok(alert) => {
                if let Some(keep) = &mut self.keep {
                    keep.write(&alert)?;
                }
                self.pending += 1;
                Ok(Some(alert))
            }
            Err(error) => {
                let code = self.errors.report(&error);
                self.fail(code);
                Ok(None)
            }
        }
    }

    fn fail(&mut self, code: Code) {
        self.code = match (self.code, code) {
            (before, Code::Done) => before,
            (Code::Done | Code::Undecodable, Code::Undecodable) => Code::Undecodable,
            _ => Code::Failed,
        };
    }
}

enum Next {
    Item(Result<Alert, Error>),
    Nothing,
}

/// User and system time of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or_default(),
        time.tv_nsec.try_into().unwrap_or_default(),
    )
}
