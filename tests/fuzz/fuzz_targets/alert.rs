//! Any bytes: an alert and its generated message agree, and nothing panics.
//!
//! Run it with `cargo +nightly fuzz run --fuzz-dir tests/fuzz alert` (`cargo install cargo-fuzz`).

#![no_main]

#[path = "../invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| invariants::any_bytes(bytes));
