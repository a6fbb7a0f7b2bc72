//! What one process that follows many Falcos costs, and how late it is: `script/scale`.
//!
//! The Falcos are embedded ones, hundreds to a process. Coordinator, Falcos and reader are processes of
//! this program that speak in lines over their standard input and output.

#[path = "../corpus.rs"]
mod corpus;
mod falcos;
mod fan_in;
mod machine;
mod part;
#[path = "../../tests/common/posting.rs"]
mod posting;
mod posts;
mod reader;

use std::time::Duration;

/// How long the posting peers wait for an answer.
pub const LIMIT: Duration = Duration::from_secs(60);

fn main() {
    machine::raise_open_files();
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["part-falcos", folder, first, count] => {
            falcos::run(folder, number(first), number(count));
        }
        ["part-reader", folder, count] => reader::run(folder, number(count)),
        ["part-peers", address, count] => posts::run(address, number(count)),
        ["fan-in"] => fan_in::measure(10_000, 20),
        ["fan-in", senders, relays] => fan_in::measure(number(senders), number(relays)),
        ["posts", sizes @ ..] => posts::measure(&numbers(sizes, &[100, 1_000, 4_000])),
        sizes => falcos::measure(&numbers(sizes, &[100, 1_000, 2_000])),
    }
}

fn numbers(texts: &[&str], default: &[usize]) -> Vec<usize> {
    match texts {
        [] => default.to_vec(),
        texts => texts.iter().map(|text| number(text)).collect(),
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| {
        panic!("script/scale [posts] [N...] or fan-in [SENDERS RELAYS], and not {text}")
    })
}
