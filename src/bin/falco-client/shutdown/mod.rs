//! What signals and a closed output ask of the sequence that is being printed.

mod closed_output;
pub mod signals;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use falco_client::{Handle, State as Status};

use crate::diagnostics::{say, Code, Failure};
use crate::lock::{lock, wait_while};
pub use closed_output::on_closed_output;

/// After this, someone who has pressed Ctrl-C wonders what keeps the command.
const PATIENCE: Duration = Duration::from_secs(2);

/// A reader who takes nothing for so long after the end was demanded does not read.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Nor may one who does read hold it up for longer.
const LONGEST_WORDS: Duration = Duration::from_secs(5);

/// How long an orderly end may take unless it is told otherwise.
pub const BOUND: Duration = Duration::from_secs(20);

/// So much, in bytes, Falco may have written when its stream is cancelled: what C-core lets it write
/// ahead of a reader who takes nothing.
const ON_ITS_WAY: u64 = 16 << 20;

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
    handle: Option<Handle>,
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

    pub fn ends(&self, handle: Handle) {
        self.update(|state| state.handle = Some(handle));
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
        match lost {
            Some(lost) => say(format_args!("{}; {lost}", reason(gave_up))),
            // All had come by then.
            None => return Code::Done,
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
        let Some(handle) = state.handle.clone() else {
            return;
        };
        if state.closed {
            handle.cancel();
        } else if state.is_cut_short() {
            // Once: afterwards it has ended in any case. Who has closed the output is not told.
            if state.lost.is_none() && handle.state() != Status::Ended {
                state.lost = Some(on_its_way(&handle));
            }
            handle.cancel();
        } else if state.signals == 1 {
            handle.close();
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
                let text = "alerts on their way are still being printed; the same signal again \
                            ends with those received so far and loses the rest";
                // Who does not read standard error shall not hold up the end.
                drop(say_aside(text.to_owned()));
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
        wait_while(changed, self.lock(), time, closing).1
    }

    /// Ends the process where it is cut short and cannot print what was received, as nobody reads.
    fn end_at_last(&self) {
        let begin = Instant::now();
        let mut shown = self.shown();
        let state = loop {
            let changed = &self.0.changed;
            let printing = |state: &mut State| !state.ended;
            let (state, late) = wait_while(changed, self.lock(), LAST_WORDS, printing);
            if !late || state.closed || !state.is_cut_short() {
                return;
            }
            if self.shown() == shown || begin.elapsed() > LONGEST_WORDS {
                break state;
            }
            shown = self.shown();
        };
        let counters = state.handle.as_ref().map(Handle::counters);
        let received = counters.map_or(0, |came| came.alerts.saturating_sub(came.dropped));
        let lost = match &state.lost {
            Some(lost) => format!(", and {lost}"),
            None => String::new(),
        };
        let text = format!(
            "{}; {} alerts were received and not printed, as they were not read in time{lost}",
            reason(state.gave_up),
            received.saturating_sub(self.shown())
        );
        let code = match state.gave_up {
            true => Code::Failed,
            false => Code::Interrupted,
        };
        // Another signal must still be heard.
        drop(state);
        let _said_or_not = say_aside(text).recv_timeout(LAST_WORDS);
        std::process::exit(code.number().into());
    }

    fn shown(&self) -> u64 {
        self.0.shown.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

/// Says it on a thread of its own, and tells when that is done.
fn say_aside(text: String) -> mpsc::Receiver<()> {
    let (done, said) = mpsc::channel();
    let say = move || {
        say(format_args!("{text}"));
        let _nobody_waits = done.send(());
    };
    // Without a thread only the words are missing.
    let _ = thread::Builder::new().name("words".to_owned()).spawn(say);
    said
}

fn reason(gave_up: bool) -> &'static str {
    match gave_up {
        true => "an orderly end took longer than --close-within allows",
        false => "ended by the second signal",
    }
}

fn on_its_way(handle: &Handle) -> String {
    let counters = handle.counters();
    match counters.bytes.checked_div(counters.alerts) {
        Some(bytes) => format!(
            "up to about {} alerts that Falco had written and that were still on their way may \
             be lost",
            ON_ITS_WAY.div_ceil(bytes.max(1))
        ),
        None => "alerts that Falco had just written may be lost".to_owned(),
    }
}
