//! The command, run as users run it, against the embedded Falco as a process of its own.

mod bad_input;
#[path = "../common/certificates.rs"]
mod certificates;
mod check;
mod child;
mod ending;
mod options;
mod recordings;
mod tools;
