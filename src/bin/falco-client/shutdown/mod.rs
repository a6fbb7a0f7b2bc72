//! Graceful shutdown while alerts are read: on signals, and when the output is closed.

mod closed_output;
mod loss;
pub mod signals;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use falco_client::{Counters, EndpointKind, Handle, State};

use crate::diagnostics::{say, Code, Failure};
use crate::lock::{lock, wait_while};
pub use closed_output::on_closed_output;
pub use loss::{after_failure, in_flight};

/// After this, someone who has pressed Ctrl-C wonders what the command is waiting for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A reader that takes nothing for so long after the end was forced does not read.
const LAST_WRITE: Duration = Duration::from_millis(500);

/// Even a reader that does read may not hold up a forced end for longer.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// The default of `--close-within`.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(20);

/// Controls a sequence of alerts that is being printed. Signals may come before there is one.
#[derive(Clone)]
pub struct Shutdown(Arc<Shared>);

struct Shared {
    state: Mutex<ShutdownState>,
    changed: Condvar,
    kind: EndpointKind,
    /// How many alerts were printed.
    printed: Arc<AtomicU64>,
    /// How long after the first signal to give up.
    limit: Duration,
}

#[derive(Default)]
struct ShutdownState {
    signals: u32,
    /// The user asked for the end by other means, which counts as a signal.
    requested: bool,
    /// The end is supervised.
    supervised: bool,
    /// The end took longer than the limit.
    gave_up: bool,
    /// Nothing reads standard output any more.
    output_closed: bool,
    /// Everything is printed.
    finished: bool,
    handle: Option<Handle>,
    /// The sequence was cancelled before it had ended.
    cut: Option<Cut>,
}

/// What cancelling has cost of what was in flight.
struct Cut {
    lost: Option<String>,
}

impl ShutdownState {
    fn is_forced(&self) -> bool {
        self.stops() > 1 || self.gave_up
    }

    /// How often the end was asked for.
    fn stops(&self) -> u32 {
        self.signals + u32::from(self.requested)
    }

    fn reason(&self) -> &'static str {
        match self.gave_up {
            true => "the shutdown took longer than --close-within allows",
            false => "stopped by the second signal",
        }
    }
}

impl Shutdown {
    /// Handles signals from now on. `printed` counts the alerts that were printed.
    pub fn install(
        kind: EndpointKind,
        limit: Duration,
        printed: Arc<AtomicU64>,
    ) -> Result<Shutdown, Failure> {
        let shutdown = Shutdown(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            kind,
            printed,
            limit,
        }));
        let signalled = shutdown.clone();
        signals::on_signal(move |signals| {
            signalled.update(|state| state.signals = signals);
            signalled.supervise();
        })?;
        Ok(shutdown)
    }

    /// Ends the sequence as the first signal does, which another one then forces.
    #[cfg(feature = "top")]
    pub fn request(&self) {
        let mut state = self.lock();
        state.requested = state.signals == 0;
        drop(state);
        self.update(|_| ());
        self.supervise();
    }

    /// Whether the end was asked for.
    #[cfg(feature = "top")]
    pub fn is_closing(&self) -> bool {
        self.lock().stops() > 0
    }

    /// Controls this sequence from now on.
    pub fn control(&self, handle: Handle) {
        self.update(|state| state.handle = Some(handle));
    }

    pub fn output_closed(&self) {
        self.update(|state| state.output_closed = true);
    }

    /// Everything received is printed. Reports what a forced end has cost.
    pub fn finish(&self) -> Code {
        let mut state = self.lock();
        state.finished = true;
        let cut = state.cut.take();
        let (gave_up, reason) = (state.gave_up, state.reason());
        self.0.changed.notify_all();
        drop(state);
        match (cut, gave_up) {
            // Everything had arrived by then.
            (None, _) => return Code::Done,
            (Some(Cut { lost: Some(lost) }), _) => say(format_args!("{reason}; {lost}")),
            (Some(Cut { lost: None }), true) => {
                let rest = loss::not_printed(self.0.kind);
                say(format_args!(
                    "{reason}; not all alerts were printed, {rest}"
                ));
            }
            (Some(Cut { lost: None }), false) => {}
        }
        match gave_up {
            true => Code::Failed,
            false => Code::Done,
        }
    }

    /// The first signal closes the sequence, so that what is in flight still arrives; the second, or
    /// the limit, cancels it.
    fn update(&self, change: impl FnOnce(&mut ShutdownState)) {
        let mut state = self.lock();
        change(&mut state);
        let Some(handle) = state.handle.clone() else {
            return;
        };
        if state.output_closed {
            handle.cancel();
        } else if state.is_forced() {
            if state.cut.is_none() && handle.state() != State::Ended {
                let lost = loss::in_flight(self.0.kind, handle.counters());
                state.cut = Some(Cut { lost });
            }
            handle.cancel();
        } else if state.stops() == 1 {
            handle.close();
        }
        self.0.changed.notify_all();
    }

    /// Enforces the limit, on a thread of its own: that of the signals has to wait for the second.
    fn supervise(&self) {
        if std::mem::replace(&mut self.lock().supervised, true) {
            return;
        }
        let shutdown = self.clone();
        let run = move || {
            let begin = Instant::now();
            let limit = shutdown.0.limit;
            if shutdown.is_slow(PATIENCE.min(limit)) {
                // A standard error that is not read must not hold up the end.
                drop(say_aside(format!(
                    "still printing alerts in flight; a second signal stops this at once, and {}",
                    match shutdown.0.kind.keeps_alerts() {
                        true => "the rest remains in the file",
                        false => "those not yet received are lost",
                    }
                )));
            }
            if shutdown.is_slow(limit.saturating_sub(begin.elapsed())) {
                shutdown.update(|state| state.gave_up = true);
            }
            shutdown.exit_if_stuck();
        };
        // Without the thread there is no limit, but a third signal.
        let _ = thread::Builder::new()
            .name("shutdown".to_owned())
            .spawn(run);
    }

    /// Whether after this time it is still closing, and nothing has forced the end.
    fn is_slow(&self, time: Duration) -> bool {
        let closing = |state: &mut ShutdownState| {
            !state.is_forced() && !state.output_closed && !state.finished
        };
        wait_while(&self.0.changed, self.lock(), time, closing).1
    }

    /// Ends the process where the end is forced and what was received cannot be printed, because
    /// nothing reads it.
    fn exit_if_stuck(&self) {
        let begin = Instant::now();
        let mut printed = self.printed();
        let state = loop {
            let printing = |state: &mut ShutdownState| !state.finished;
            let (state, late) = wait_while(&self.0.changed, self.lock(), LAST_WRITE, printing);
            if !late || state.output_closed || !state.is_forced() {
                return;
            }
            if self.printed() == printed || begin.elapsed() > LAST_WRITES {
                break state;
            }
            printed = self.printed();
        };
        let counters = state.handle.as_ref().map(Handle::counters);
        let text = self.unprinted(&state, counters.unwrap_or_default());
        let code = match state.gave_up {
            true => Code::Failed,
            false => Code::Interrupted,
        };
        // Another signal must still be heard.
        drop(state);
        let _said_or_not = say_aside(text).recv_timeout(LAST_WRITE);
        std::process::exit(code.number().into());
    }

    fn unprinted(&self, state: &ShutdownState, counters: Counters) -> String {
        let received = counters.alerts.saturating_sub(counters.dropped);
        let in_flight = match &state.cut {
            Some(Cut { lost: Some(lost) }) => format!(", and {lost}"),
            Some(Cut { lost: None }) | None => String::new(),
        };
        format!(
            "{}; {} alerts were received but not printed, as standard output was not read in time: \
             {}{in_flight}",
            state.reason(),
            received.saturating_sub(self.printed()),
            loss::not_printed(self.0.kind)
        )
    }

    fn printed(&self) -> u64 {
        self.0.printed.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, ShutdownState> {
        lock(&self.0.state)
    }
}

/// Says it on a thread of its own. Sends when that is done.
fn say_aside(text: String) -> mpsc::Receiver<()> {
    let (done, said) = mpsc::channel();
    let run = move || {
        say(format_args!("{text}"));
        let _nothing_waits = done.send(());
    };
    // Without the thread only the message is missing.
    let _ = thread::Builder::new().name("message".to_owned()).spawn(run);
    said
}
