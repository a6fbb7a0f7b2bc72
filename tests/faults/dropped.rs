//! Subscriptions that are dropped without a close leave nothing, here and in the server.

use std::ops::ControlFlow;
use std::task::{Context, Waker};
use std::time::Duration;

use falco_client::Client;
use futures::StreamExt as _;

use crate::common::own_process::in_own_process;
use crate::common::until;
use crate::falco::{socket, Falco, Load};
use crate::held::{held, Held};
use crate::{load, report};

/// C-core's own pools grow and shrink by a thread now and then.
const POOLS: usize = 3;

#[test]
fn dropped() {
    in_own_process("dropped::dropped", || {
        let folder = tempfile::tempdir().unwrap();
        let falco = Falco::start(&Load {
            rate: Some(2_000),
            ..Load::on(socket(&folder))
        });
        let client = Client::open(&falco.endpoint).unwrap();
        drop_subscriptions(&client, 200);
        let here = || held(std::process::id());
        let there = || held(falco.id());
        let (before, before_there) = (here(), there());
        drop_subscriptions(&client, 1_000);
        for (before, now) in [(before, &here as &dyn Fn() -> Held), (before_there, &there)] {
            until("threads and descriptors are those of before", || {
                let now = now();
                now.threads <= before.threads + POOLS && now.descriptors <= before.descriptors
            });
            // A leaked subscription would cost more than a kilobyte.
            let after = now();
            assert!(
                after.kilobytes < before.kilobytes + 1_000,
                "{before:?} {after:?}"
            );
        }
        let grown = |before: Held, after: Held| after.kilobytes as i64 - before.kilobytes as i64;
        report(&format!(
            "dropped 1000 subscriptions without close: {} and {} threads, {} and {} descriptors, \
             {:+} and {:+} KiB of memory, in the client and in the server",
            here().threads,
            there().threads,
            here().descriptors,
            there().descriptors,
            grown(before, here()),
            grown(before_there, there()),
        ));
    });
}

fn drop_subscriptions(client: &Client, count: usize) {
    for at in 0..count {
        if at % 5 == 0 {
            drop(client.get().unwrap());
            drop(
                client
                    .subscribe_with(|_| ControlFlow::Continue(()))
                    .unwrap(),
            );
        }
        let mut alerts = client.subscribe().unwrap();
        match at % 3 {
            // Leaves a waker behind, or finds what there is.
            0 => drop(alerts.poll_next_unpin(&mut Context::from_waker(Waker::noop()))),
            // Another subscription that is just being dropped may take what there is.
            1 => {
                if let Ok(alert) = alerts.recv_timeout(Duration::from_millis(50)) {
                    assert!(load::place(&alert.unwrap()).is_some());
                }
            }
            _ => {}
        }
    }
}
