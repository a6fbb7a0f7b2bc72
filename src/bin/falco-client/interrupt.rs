//! What signals and a closed output ask of the sequence that is being printed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use falco_client::Canceller;

use crate::diagnostics::{say, Failure};
use crate::signals;

/// After this, someone who has pressed Ctrl-C wonders what keeps the command.
const PATIENCE: Duration = Duration::from_secs(2);

/// A signal may come before there is anything to cancel.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    signals: u32,
    /// Nobody reads standard output any more.
    closed: bool,
    /// All is printed.
    ended: bool,
    canceller: Option<Canceller>,
}

impl Interrupt {
    pub fn catch() -> Result<Interrupt, Failure> {
        let interrupt = Interrupt::default();
        let caught = interrupt.clone();
        signals::on_signal(move |signals| {
            caught.update(|state| state.signals = signals);
            if signals == 1 {
                caught.explain_a_slow_end();
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

    pub fn all_is_printed(&self) {
        self.update(|state| state.ended = true);
    }

    /// Says what a second signal may have cost, if it came before all was printed.
    pub fn say_what_it_cost(&self) {
        let state = self.lock();
        // Who has closed the output wants no more, and is not told.
        let cut_short = state.signals > 1 && !state.closed;
        drop(state);
        if cut_short {
            say(format_args!(
                "ended by the second signal; alerts that Falco had written and that were still \
                 on their way may be lost"
            ));
        }
    }

    /// The first signal asks for no more alerts and takes those on their way, so that none is
    /// lost; the second does not wait for them.
    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        match (&state.canceller, state.signals) {
            (Some(canceller), _) if state.closed => canceller.cancel(),
            (None, _) | (_, 0) => {}
            (Some(canceller), 1) => canceller.close(),
            (Some(canceller), _) => canceller.cancel(),
        }
        self.0.changed.notify_all();
    }

    /// On a thread of its own, as the one of the signals has to hear the second.
    fn explain_a_slow_end(&self) {
        let interrupt = self.clone();
        let wait = move || {
            let closing = |state: &mut State| state.signals == 1 && !state.closed && !state.ended;
            let changed = &interrupt.0.changed;
            let waited = changed.wait_timeout_while(interrupt.lock(), PATIENCE, closing);
            let (state, time) = waited.unwrap_or_else(PoisonError::into_inner);
            // Standard error may be slow; the second signal shall not wait for it.
            drop(state);
            if time.timed_out() {
                say(format_args!(
                    "alerts on their way are still being printed; the same signal again ends \
                     with those received so far and loses the rest"
                ));
            }
        };
        // Without a thread only these words are missing.
        let _ = thread::Builder::new()
            .name("slow end".to_owned())
            .spawn(wait);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
