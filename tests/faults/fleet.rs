//! One process that follows very many servers.

use std::thread;
use std::time::{Duration, Instant};

use falco_client::{Alerts, Client, State};
use futures::executor::block_on;
use futures::stream::select_all;
use futures::StreamExt as _;

use crate::common::own_process::in_own_process;
use crate::common::until;
use crate::falco::{Falco, Load};
use crate::held::{cpu, held, resident};
use crate::load::place;
use crate::{report, scale};

const SERVERS: u64 = 200;

/// The test's own two, this crate's one, and those of C-core: they do not grow with the servers.
const THREADS: usize = 16;

#[test]
fn fleet() {
    in_own_process("fleet::fleet", || {
        let folder = tempfile::tempdir().unwrap();
        let listen = format!("unix://{}/falco.sock.", folder.path().display());
        let mut falco = Falco::start(&Load {
            alerts: 0,
            servers: SERVERS,
            ..Load::on(&listen)
        });
        let me = std::process::id();
        let before = resident(me);
        let start = Instant::now();
        let follow = |number| {
            Client::open(&format!("{listen}{number}"))
                .unwrap()
                .subscribe()
        };
        let mut followed: Vec<Alerts> = (0..SERVERS).map(|n| follow(n).unwrap()).collect();
        until("all are followed", || {
            followed
                .iter()
                .all(|alerts| alerts.state() == State::Following)
        });
        let ready = start.elapsed();
        // In the long form until the requests have become rare.
        thread::sleep(scale(Duration::ZERO, Duration::from_secs(5)));
        let (used, idle) = (cpu(me), Instant::now());
        thread::sleep(scale(Duration::from_millis(500), Duration::from_secs(30)));
        let (used, idle) = (cpu(me) - used, idle.elapsed());
        let now = held(me);
        assert!(now.threads <= THREADS, "{now:?}");

        let pushed = Instant::now();
        falco.push();
        let mut lives: Vec<_> = block_on(
            select_all(followed.iter_mut())
                .map(|alert| place(&alert.unwrap()).unwrap().0)
                .take(SERVERS as usize)
                .collect(),
        );
        lives.sort();
        assert!(lives.into_iter().eq(0..SERVERS));
        report(&format!(
            "{SERVERS} servers followed by one process after {ready:.1?}: {} threads, the test's two \
             among them, {:.1} MiB of memory for all, {:.1} % of one CPU when idle; an alert of each \
             was there after {:.0?}",
            now.threads,
            (now.kilobytes - before) as f64 / 1024.0,
            100.0 * used.as_secs_f64() / idle.as_secs_f64(),
            pushed.elapsed(),
        ));
    });
}
