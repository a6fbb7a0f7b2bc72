//! The command, run as users run it, against the embedded Falco as a process of its own.

mod bad_input;
mod bench;
mod check;
mod child;
mod coming_from;
#[path = "../common/mod.rs"]
mod common;
mod ending;
mod endpoints;
mod environment;
mod options;
mod posted;
#[cfg(target_os = "linux")]
mod pty;
mod recordings;
mod resume;
mod summary;
#[cfg(target_os = "linux")]
mod terminal;
mod tools;
