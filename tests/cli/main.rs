//! The command, run as users run it, against the embedded Falco as a process of its own.

mod bad_input;
mod bench;
#[path = "../common/certificates.rs"]
mod certificates;
mod check;
mod child;
mod ending;
mod options;
mod recordings;
mod tools;
