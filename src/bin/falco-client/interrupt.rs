//! What signals and a closed output ask of the sequence that is being printed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use falco_client::{Canceller, State as Standing};

use crate::diagnostics::{say, Code, Failure};
use crate::signals;

/// After this, someone who has pressed Ctrl-C wonders what keeps the command.
const PATIENCE: Duration = Duration::from_secs(2);

/// To print what was received, after the end was demanded.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long an orderly end may take unless it is told otherwise.
pub const BOUND: Duration = Duration::from_secs(20);

/// So much, in bytes, Falco may have written when its stream is cancelled in a flood: twice what
/// the library lets it write ahead over TCP, as there is more than the window.
const ON_ITS_WAY: u64 = 512 << 10;

/// A signal may come before there is anything to cancel.
#[derive(Clone)]
pub struct Interrupt(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    shown: Arc<AtomicU64>,
    /// How long after the first signal to give up.
    bound: Duration,
}

#[derive(Default)]
struct State {
    signals: u32,
    gave_up: bool,
    /// Nobody reads standard output any more.
    closed: bool,
    /// All is printed.
    ended: bool,
    canceller: Option<Canceller>,
    /// What is lost of what was on its way, as far as can be told.
    lost: Option<String>,
}

impl State {
    fn is_cut_short(&self) -> bool {
        self.signals > 1 || self.gave_up
    }
}

impl Interrupt {
    /// `shown` counts the alerts that were printed.
    pub fn catch(bound: Duration, shown: Arc<AtomicU64>) -> Result<Interrupt, Failure> {
        let interrupt = Interrupt(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            shown,
            bound,
        }));
        let caught = interrupt.clone();
        signals::on_signal(move |signals| {
            caught.update(|state| state.signals = signals);
            if signals == 1 {
                caught.see_to_the_end();
            }
        })?;
        Ok(interrupt)
    }

    pub fn ends(&self, canceller: Canceller) {
        self.update(|state| state.canceller = Some(canceller));
    }

    pub fn output_closed(&self) {
        self.update(|state| state.closed = true);
    }

    /// Says what a second signal or the bound may have cost, if it came before all was printed.
    pub fn all_is_printed(&self) -> Code {
        let mut state = self.lock();
        state.ended = true;
        let lost = state.lost.take();
        let gave_up = state.gave_up;
        self.0.changed.notify_all();
        drop(state);
        if let Some(lost) = lost {
            say(format_args!("{}; {lost}", reason(gave_up)));
        }
        match gave_up {
            true => Code::Failed,
            false => Code::Done,
        }
    }

    /// The first signal asks for no more alerts and takes those on their way, so that none is
    /// lost; the second, or the bound, does not wait for them.
    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let Some(canceller) = state.canceller.clone() else {
            return;
        };
        if state.closed {
            canceller.cancel();
        } else if state.is_cut_short() {
            // Once: afterwards it has ended in any case. Who has closed the output is not told.
            if state.lost.is_none() && canceller.state() != Standing::Ended {
                state.lost = Some(on_its_way(&canceller));
            }
            canceller.cancel();
        } else if state.signals == 1 {
            canceller.close();
        }
        self.0.changed.notify_all();
    }

    /// On a thread of its own, as the one of the signals has to hear the second.
    fn see_to_the_end(&self) {
        let interrupt = self.clone();
        let wait = move || {
            let begin = Instant::now();
            let patience = PATIENCE.min(interrupt.0.bound);
            if interrupt.is_slow(patience) {
                say(format_args!(
                    "alerts on their way are still being printed; the same signal again ends \
                     with those received so far and loses the rest"
                ));
            }
            if interrupt.is_slow(interrupt.0.bound.saturating_sub(begin.elapsed())) {
                interrupt.update(|state| state.gave_up = true);
            }
            interrupt.end_at_last();
        };
        // Without a thread there is no bound, but a third signal.
        let _ = thread::Builder::new()
            .name("slow end".to_owned())
            .spawn(wait);
    }

    /// Whether after this time it is still closing, and nobody wants it to end faster.
    fn is_slow(&self, time: Duration) -> bool {
        let closing = |state: &mut State| !state.is_cut_short() && !state.closed && !state.ended;
        let changed = &self.0.changed;
        let waited = changed.wait_timeout_while(self.lock(), time, closing);
        // Standard error may be slow; the second signal shall not wait for it.
        waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Ends the process where it is cut short and cannot print what was received, as nobody reads.
    fn end_at_last(&self) {
        let changed = &self.0.changed;
        let printing = |state: &mut State| !state.ended;
        let waited = changed.wait_timeout_while(self.lock(), LAST_WORDS, printing);
        let (state, time) = waited.unwrap_or_else(PoisonError::into_inner);
        if !time.timed_out() || state.closed || !state.is_cut_short() {
            return;
        }
        let counters = state.canceller.as_ref().map(Canceller::counters);
        let received = counters.map_or(0, |counters| counters.alerts - counters.dropped);
        let shown = self.0.shown.load(Ordering::Relaxed);
        let lost = match &state.lost {
            Some(lost) => format!(", and {lost}"),
            None => String::new(),
        };
        say(format_args!(
            "{}; {} alerts were received and not printed, as nobody reads them{lost}",
            reason(state.gave_up),
            received.saturating_sub(shown)
        ));
        let code = match state.gave_up {
            true => Code::Failed,
            false => Code::Interrupted,
        };
        std::process::exit(code.number().into());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reason(gave_up: bool) -> &'static str {
    match gave_up {
        true => "an orderly end took longer than --close-within allows",
        false => "ended by the second signal",
    }
}

fn on_its_way(canceller: &Canceller) -> String {
    let counters = canceller.counters();
    match counters.bytes.checked_div(counters.alerts) {
        Some(bytes) => format!(
            "up to about {} alerts that Falco had written and that were still on their way may \
             be lost",
            ON_ITS_WAY.div_ceil(bytes.max(1))
        ),
        None => "alerts that Falco had just written may be lost".to_owned(),
    }
}
