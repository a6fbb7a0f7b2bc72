//! `bench`: how fast a Falco's alerts can be read, and how late they come.

pub mod args;
mod built_in;
mod figures;
mod keep;
mod progress;

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use falco_client::{Alert, Alerts, Client, Error, State};
use rustix::time::{clock_gettime, ClockId};

use crate::diagnostics::{report, say, Code, Failure};
use crate::output::Output;
use crate::shutdown::Interrupt;
use args::BenchArgs;
use built_in::BuiltIn;
use figures::{Backlog, Figures, Watch};
use keep::Keep;
use progress::Progress;

/// Between two looks at the clock while nothing comes.
const TICK: Duration = Duration::from_millis(100);

pub fn run(args: &BenchArgs) -> Result<Code, Failure> {
    let own = args.connection.endpoint_is_given();
    if own && args.keep.is_none() && !args.discard {
        say(format_args!(
            "the alerts that are read are gone from this Falco: say where they shall go with --keep \
             FILE, or with --discard that they may be lost; or leave out --endpoint and FALCO_ENDPOINT \
             to measure with a Falco that is built in"
        ));
        return Ok(Code::Usage);
    }
    if args.connection.kind().is_some_and(|kind| !kind.is_grpc()) {
        say(format_args!(
            "what is measured is gRPC: give unix:///path or host:port as the endpoint"
        ));
        return Ok(Code::Usage);
    }
    let keep = args.keep.as_deref().map(Keep::open).transpose()?;
    let built_in = match own {
        true => None,
        false => Some(BuiltIn::start(args.backlog)?),
    };
    let config = match &built_in {
        Some(falco) => falco.config(),
        None => args.reading.apply(args.connection.config()),
    };
    let client = Client::new(config)?;
    let kept = Arc::default();
    let bound = Duration::from_secs(args.close_within);
    let mut bench = Bench {
        interrupt: Interrupt::catch(bound, Arc::clone(&kept))?,
        bound,
        keep,
        kept,
        pending: 0,
        code: Code::Done,
        progress: Progress::new(),
    };

    let backlog = bench.backlog(client.get()?)?;
    if bench.code == Code::Failed {
        return Ok(bench.code);
    }
    let time = Duration::from_secs(args.seconds.get().into());
    let emit = || {
        if let Some(falco) = &built_in {
            falco.emit(args.rate, time);
        }
    };
    let watch = bench.watch(client.subscribe()?, time, emit)?;
    let code = bench.interrupt.all_is_printed();
    bench.fail(code);
    let figures = Figures {
        endpoint: own.then(|| client.endpoint().to_string()),
        backlog,
        watch,
    };
    let mut output = Output::new();
    let written = match args.json {
        true => writeln!(output, "{}", figures.to_json()),
        false => write!(output, "{figures}"),
    };
    written.map_err(Failure::stdout)?;
    output.show()?;
    Ok(bench.code)
}

struct Bench {
    interrupt: Interrupt,
    /// How long an orderly end may take.
    bound: Duration,
    keep: Option<Keep>,
    /// Alerts of this call that are where they shall be.
    kept: Arc<AtomicU64>,
    /// Those that are not yet.
    pending: u64,
    code: Code,
    progress: Progress,
}

impl Bench {
    fn begin(&mut self, alerts: &Alerts, doing: &str) {
        self.kept.store(0, Ordering::Relaxed);
        self.interrupt.ends(alerts.handle());
        self.progress.begin(doing);
    }

    /// Reads what Falco holds.
    fn backlog(&mut self, mut alerts: Alerts) -> Result<Backlog, Failure> {
        self.begin(&alerts, "reading what Falco holds");
        let read = self.read_backlog(&mut alerts);
        self.end(&alerts, read)
    }

    fn read_backlog(&mut self, alerts: &mut Alerts) -> Result<Backlog, Failure> {
        let mut read = Backlog::default();
        let (begin, cpu) = (Instant::now(), cpu());
        while let Some(Next::Item(next)) = self.next(alerts, None)? {
            if let Some(alert) = self.take(next)? {
                read.alerts += 1;
                read.bytes += alert.as_bytes().len() as u64;
                self.progress.tell(read.alerts);
            }
        }
        (read.seconds, read.cpu) = (begin.elapsed(), self::cpu().saturating_sub(cpu));
        Ok(read)
    }

    /// Follows Falco for a time, which begins when the subscription stands; says so by `stands`.
    fn watch(
        &mut self,
        mut alerts: Alerts,
        time: Duration,
        stands: impl FnOnce(),
    ) -> Result<Watch, Failure> {
        self.begin(&alerts, &format!("watching for {} seconds", time.as_secs()));
        let read = self.read_on(&mut alerts, time, stands);
        self.end(&alerts, read)
    }

    fn read_on(
        &mut self,
        alerts: &mut Alerts,
        time: Duration,
        stands: impl FnOnce(),
    ) -> Result<Watch, Failure> {
        let handle = alerts.handle();
        let mut read = Watch::new();
        let mut stands = Some(stands);
        let mut since = SystemTime::now();
        let (mut begin, mut used) = (Instant::now(), cpu());
        // When it began to close.
        let mut over: Option<Instant> = None;
        while let Some(next) = self.next(alerts, Some(TICK))? {
            let now = SystemTime::now();
            if alerts.state() == State::Following {
                if let Some(stands) = stands.take() {
                    stands();
                    since = now;
                    (begin, used) = (Instant::now(), cpu());
                }
            }
            if over.is_none() && begin.elapsed() >= time {
                (read.seconds, read.cpu) = (begin.elapsed(), cpu().saturating_sub(used));
                over = Some(Instant::now());
                // What is on its way still comes, and is kept.
                handle.close();
            }
            if over.is_some_and(|over| over.elapsed() > self.bound) {
                say(format_args!(
                    "alerts come faster than they are read: the end took longer than --close-within, \
                     and those that Falco had written and that were still on their way are lost"
                ));
                self.fail(Code::Failed);
                handle.cancel();
                self.bound = Duration::MAX;
            }
            let alert = match next {
                Next::Nothing => continue,
                Next::Item(next) => self.take(next)?,
            };
            match alert {
                // It has waited for the subscription, or came after the time.
                Some(alert) if alert.time() >= since && over.is_none() => {
                    read.add(now.duration_since(alert.time()));
                    self.progress.tell(read.alerts());
                }
                Some(_) if over.is_none() => read.before += 1,
                _ => {}
            }
        }
        if over.is_none() {
            (read.seconds, read.cpu) = (begin.elapsed(), cpu().saturating_sub(used));
        }
        Ok(read)
    }

    /// Says what it costs that the alerts cannot be kept.
    fn end<T>(&mut self, alerts: &Alerts, read: Result<T, Failure>) -> Result<T, Failure> {
        self.progress.end();
        if read.is_err() {
            let kept = self.kept.load(Ordering::Relaxed);
            say(format_args!(
                "{} alerts were received and not kept, and others may have been on their way; they \
                 are gone from Falco",
                alerts.counters().alerts.saturating_sub(kept)
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
        self.kept
            .fetch_add(std::mem::take(&mut self.pending), Ordering::Relaxed);
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
                // Its bytes are told, so that it is not lost.
                self.fail(report(&error));
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
