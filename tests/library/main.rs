//! The library as a program meets it: reading, what ends a sequence, alerts and their forms, checks.

#[path = "../common/mod.rs"]
mod common;
#[path = "../fuzz/invariants.rs"]
mod invariants;

mod alert;
mod callbacks;
mod check;
mod client;
mod codegen;
mod dynamic;
mod ending;
mod json;
mod status;
