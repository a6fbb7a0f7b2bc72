//! A subscription that is dropped leaves nothing behind. One test, since it counts what its
//! process holds.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::task::{Context, Waker};

use common::{number, until, Falco};
use futures::StreamExt;

#[derive(PartialEq, Clone, Copy, Debug)]
struct Held {
    threads: usize,
    descriptors: usize,
    kilobytes: u64,
}

fn held() -> Held {
    let count = |folder| fs::read_dir(folder).unwrap().count();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    Held {
        threads: count("/proc/self/task"),
        descriptors: count("/proc/self/fd"),
        kilobytes: resident.trim_end_matches("kB").trim().parse().unwrap(),
    }
}

/// C-core's own pools grow and shrink by a thread now and then.
const POOLS: usize = 3;

#[test]
fn a_thousand_dropped_subscriptions_leave_nothing() {
    let falco = Falco::start();
    let client = falco.client();
    let round = |number_of: usize| {
        for at in 0..number_of {
            if at % 5 == 0 {
                drop(client.get().unwrap());
                drop(
                    client
                        .subscribe_with(|_| ControlFlow::Continue(()))
                        .unwrap(),
                );
            }
            let mut alerts = client.subscribe().unwrap();
            if at % 3 == 0 {
                let mut waker = Context::from_waker(Waker::noop());
                assert!(alerts.poll_next_unpin(&mut waker).is_pending());
            } else if at % 3 == 1 {
                falco.push([at]);
                // Another subscription that is just being dropped may take it along.
                if let Ok(alert) = alerts.recv_timeout(std::time::Duration::from_millis(50)) {
                    assert!(number(&alert.unwrap()) <= at);
                }
            }
        }
    };
    round(200);
    let before = held();
    round(1_000);
    until("threads and descriptors are those of before", || {
        let now = held();
        now.threads <= before.threads + POOLS && now.descriptors <= before.descriptors
    });
    let after = held();
    // A leaked subscription would cost more than a kilobyte.
    assert!(
        after.kilobytes < before.kilobytes + 1_000,
        "{before:?} {after:?}"
    );
}
