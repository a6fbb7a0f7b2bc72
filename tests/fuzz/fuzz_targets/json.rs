//! Any text: a line of JSON is an alert or an error, and nothing panics.
//!
//! Run it with `cargo +nightly fuzz run --fuzz-dir tests/fuzz json` (`cargo install cargo-fuzz`).

#![no_main]

#[path = "../invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|line: &str| invariants::any_line(line));
