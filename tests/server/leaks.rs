//! Nothing stays of an embedded Falco: no thread, descriptor or file of its process.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::common::own_process::in_own_process;
use crate::common::raw::{numbered, push, server_with, Raw};
use crate::common::until;

/// The names of this process's threads that a server started.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between the two calls.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("falco-")).collect()
}

fn descriptors() -> BTreeSet<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// One life of a server, with a stream of each kind that is still open at its end.
fn cycle(number: usize) {
    let (server, folder) = server_with(|builder| builder.threadiness(2));
    assert_eq!(threads().len(), 2);
    push(&server, 0..10);
    let client = Raw::new(&server);
    let (mut sub, mut silent, mut waiting) = (client.sub(), client.sub(), Vec::new());
    sub.ask();
    sub.take(10);
    client.round_trips();
    waiting.resize_with(30, || client.sub());
    let replay = server
        .replay(std::iter::repeat_with(|| numbered(0)), NonZeroU32::new(1))
        .unwrap();
    match number % 2 {
        0 => server.stop(Duration::from_millis(1)),
        _ => drop(server),
    }
    assert!(sub.status().is_err());
    assert!(silent.status().is_err());
    replay.wait();
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "a file is left behind"
    );
    // They have done all they do, and are about to be gone.
    until("the threads are gone", || threads().is_empty());
}

#[test]
fn fifty_servers_leave_no_thread_descriptor_or_file() {
    in_own_process(
        "leaks::fifty_servers_leave_no_thread_descriptor_or_file",
        || {
            // What C-core starts once and keeps.
            cycle(0);
            cycle(1);
            let before = descriptors();
            (0..50).for_each(cycle);
            until("the descriptors are closed", || {
                descriptors().len() <= before.len()
            });
        },
    );
}
