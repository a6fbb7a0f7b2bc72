//! What a client survives, and what that costs: real processes that are killed and stopped, real
//! connections that are cut. Each case is short here; `script/soak` runs the same at full length.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../fuzz/invariants.rs"]
mod invariants;

mod falco;
mod held;
mod load;
mod proxy;

mod closed;
mod dropped;
mod fleet;
mod killed;
mod large;
mod malformed;
mod many;
mod posted_abuse;
mod proxied;
mod relayed;
mod restarted;
mod silent;
mod spools;
mod stalled;
mod stopped;
mod streams;
#[cfg(feature = "kafka")]
mod topics;

use std::env;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::own_process::FIGURES;

/// Set by `script/soak`.
const SOAK: &str = "FALCO_CLIENT_SOAK";

/// Replays the chances of an earlier run, which printed it.
const SEED: &str = "FALCO_CLIENT_SEED";

/// How much of a case to run: a little among all tests, and all of it from `script/soak`.
pub fn scale<T>(short: T, long: T) -> T {
    match env::var_os(SOAK) {
        Some(_) => long,
        None => short,
    }
}

/// One line of what a run has measured.
pub fn report(figures: &str) {
    println!("{FIGURES}{figures}");
}

/// Chances that can be had again.
pub struct Random(u64);

impl Random {
    pub fn seeded() -> Random {
        let seed = env::var(SEED).map_or_else(
            |_| {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap()
                    .as_nanos() as u64
            },
            |seed| seed.parse().unwrap(),
        );
        println!("{SEED}={seed}");
        Random(seed)
    }

    pub fn of(seed: u64) -> Random {
        Random(seed)
    }

    /// SplitMix64.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    pub fn millis(&mut self, below: u64) -> Duration {
        Duration::from_millis(self.below(below))
    }
}

/// The middle one and the longest.
pub fn median_and_worst(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() - 1])
}

/// 1,234,567
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
