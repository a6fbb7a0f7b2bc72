//! Any bytes: an alert and its generated message agree, and nothing panics.
//!
//! Run it with `cargo +nightly fuzz run --fuzz-dir tests/fuzz alert` (`cargo install cargo-fuzz`).

#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::any_bytes(bytes));
